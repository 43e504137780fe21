# SPDX-License-Identifier: BSD-2-Clause
# One graph, no recursion across folders. `make help` lists what can be asked.

B            ?= build
# Relative, so that dependency files name targets as rules do.
override B   := $(patsubst $(CURDIR)/%,%,$(B))
PREFIX       ?= /usr/local
LIBDIR       ?= $(PREFIX)/lib
WEIR_SHARED  ?= ../shared
ifeq ($(origin CC),default)
CC            = gcc
endif
FLEX         ?= flex
BISON        ?= bison
PKG_CONFIG   ?= pkg-config
OPT          ?= -O2 -g
CFLAGS       ?= $(OPT)
WARN          = -std=c17 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
                -Wvla -Wwrite-strings -Wpointer-arith -Wimplicit-fallthrough -Werror
INC           = -Icompiler -Icompiler/include -I. -I$(B)/gen
Q             = $(if $(V),,@)
say           = $(if $(V),,@printf '  %-8s%s\n' $(1) $@)
CC_CMD        = $(CC) $(WARN) $(CFLAGS) -fPIC -fvisibility=hidden $(INC) $(CPPFLAGS) -MMD -MP

VERSION      := $(shell awk '/define WEIR_VERSION_(MAJOR|MINOR|PATCH)/ {v = v s $$3; s = "."} END {print v}' compiler/include/weir/weir.h)
SOVERSION    := $(firstword $(subst ., ,$(VERSION)))

# The rooms of libweir, by name: nothing else is linked into it.
ROOMS        := base proto ast sema lower ir opt backends/cbpf backends/ebpf backends/elf backends/c lift vm driver
LIB_SRC      := $(sort $(foreach r,$(ROOMS),$(wildcard compiler/$(r)/*.c)) $(wildcard grammar/*.c))
LIB_GEN      := $(B)/gen/filter.tab.c $(B)/gen/filter.lex.c
LIB_OBJ      := $(LIB_SRC:%.c=$(B)/%.o) $(LIB_GEN:%.c=%.o)
# libweir-bpf, which loads and attaches, is a library of its own: it needs libbpf.
BPF_SRC      := $(sort $(wildcard attach/*.c))
BPF_OBJ      := $(BPF_SRC:%.c=$(B)/%.o)
CLI_SRC      := $(sort $(wildcard cli/*.c))
CLI_OBJ      := $(CLI_SRC:%.c=$(B)/%.o)
DROPIN_SRC   := $(sort $(wildcard dropin/*.c)) cli/names_system.c
DROPIN_OBJ   := $(DROPIN_SRC:%.c=$(B)/%.o)

HARNESS_SRC  := $(sort $(wildcard tests/harness/*.c))
HARNESS_OBJ  := $(HARNESS_SRC:%.c=$(B)/%.o)
# Every tests/ROOM/test_NAME.c and jit-tests/test_NAME.c is a program; every test_NAME.sh beside them runs as it is.
TEST_SRC     := $(sort $(wildcard tests/*/test_*.c jit-tests/test_*.c))
TEST_BIN     := $(TEST_SRC:%.c=$(B)/%)
TEST_SH      := $(sort $(wildcard tests/*/test_*.sh jit-tests/test_*.sh))
FUZZ_SRC     := $(sort $(wildcard tests/fuzz/fuzz_*.c))
REPLAY_BIN   := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(B)/tests/fuzz/replay_%)
BENCH_SRC    := $(sort $(wildcard bench/*.c))
BENCH_BIN    := $(BENCH_SRC:%.c=$(B)/%)
EXAMPLE_SRC  := $(sort $(wildcard examples/*.c))
EXAMPLE_BIN  := $(EXAMPLE_SRC:%.c=$(B)/%)

DEPS_RUN     := gcc make flex bison pkg-config libpcap-dev libbpf-dev libelf-dev
DEPS_TEST    := $(DEPS_RUN) clang bpftool iptables groff-base libclang-rt-14-dev libcmocka-dev libz3-dev libjansson-dev tcpdump iproute2 valgrind g++ musl-tools python3 tshark zsh clang-format
TEST_LIBS     = -lcmocka -lz3 -ljansson -lpcap -lbpf -lelf

.PHONY: all help deps deps-test run test test-long check-asan check-tsan check-msan check-headers check-clang fuzz bench format install uninstall clean examples tests

all: $(B)/weir $(B)/libweir.a $(B)/libweir.so $(B)/libweir-pcap.so $(B)/libweir-bpf.a $(B)/libweir-bpf.so ## build the command and the libraries

help: ## this list
	$(Q)sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

# apt-get is asked only when something is missing, so a second run needs no network. Where there is none, nobody is.
define need
	$(Q)command -v apt-get >/dev/null || exit 0; missing=; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "  installing$$missing" >&2; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $$missing >&2; fi
endef

deps: ## install what building needs
	$(call need,$(DEPS_RUN))
deps-test: ## install what testing needs
	$(call need,$(DEPS_TEST))

run: deps ## build, then print the program of FILTER='...'
	$(Q)$(MAKE) --no-print-directory $(B)/weir >&2
	$(Q)$(B)/weir -d '$(subst ','\'',$(FILTER))'

# ---------------------------------------------------------------- libraries and command

$(B)/gen/filter.tab.c $(B)/gen/filter.tab.h &: grammar/filter.y
	$(call say,BISON)
	$(Q)mkdir -p $(B)/gen && $(BISON) -Wall -Werror --header=$(B)/gen/filter.tab.h -o $(B)/gen/filter.tab.c $<
$(B)/gen/filter.lex.c $(B)/gen/filter.lex.h &: grammar/filter.l
	$(call say,FLEX)
	$(Q)mkdir -p $(B)/gen && $(FLEX) --header-file=$(B)/gen/filter.lex.h -o $(B)/gen/filter.lex.c $<
$(LIB_OBJ): | $(B)/gen/filter.tab.h $(B)/gen/filter.lex.h
$(B)/gen/%.o: WARN = -std=c17 -D_GNU_SOURCE -Wall -Wno-unused-function -Wno-unused-but-set-variable
$(B)/gen/%.o: $(B)/gen/%.c
	$(call say,CC)
	$(Q)$(CC_CMD) -Igrammar -c $< -o $@
$(B)/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC_CMD) -c $< -o $@

$(B)/libweir.a: $(LIB_OBJ)
	$(call say,AR)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/libweir.so: $(LIB_OBJ) compiler/libweir.map
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,libweir.so.$(SOVERSION) -Wl,--version-script=compiler/libweir.map -Wl,-z,defs \
	    -o $@ $(LIB_OBJ)
$(B)/libweir-bpf.a: $(BPF_OBJ)
	$(call say,AR)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/libweir-bpf.so: $(BPF_OBJ)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,libweir-bpf.so.$(SOVERSION) -Wl,-z,defs -o $@ $^ -lbpf
$(B)/weir: $(CLI_OBJ) $(B)/libweir.a $(B)/libweir-bpf.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ -lpcap -lbpf
# What libpcap's callers call, on top of libweir: for LD_PRELOAD, so nothing of libweir itself is shown.
$(B)/libweir-pcap.so: $(DROPIN_OBJ) $(LIB_OBJ) dropin/libweir-pcap.map
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,libweir-pcap.so -Wl,--version-script=dropin/libweir-pcap.map -Wl,-z,defs \
	    -Wl,-Bsymbolic-functions -o $@ $(DROPIN_OBJ) $(LIB_OBJ) -lpcap

# ---------------------------------------------------------------- installing

MANDIR       ?= $(PREFIX)/share/man
BASHCOMPDIR  ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR   ?= $(PREFIX)/share/zsh/site-functions
# Mode, file and place of what is copied; target and place of links; templates of pkg-config. `uninstall` reads the same lists.
COPIES        = 755,$(B)/weir,$(PREFIX)/bin/weir \
                644,$(B)/libweir.a,$(LIBDIR)/libweir.a 644,$(B)/libweir-bpf.a,$(LIBDIR)/libweir-bpf.a \
                $(foreach l,libweir libweir-bpf,755,$(B)/$(l).so,$(LIBDIR)/$(l).so.$(VERSION)) \
                755,$(B)/libweir-pcap.so,$(LIBDIR)/libweir-pcap.so \
                $(foreach h,compiler/include/weir/weir.h attach/weir_bpf.h,644,$(h),$(PREFIX)/include/weir/$(notdir $(h))) \
                $(foreach m,$(sort $(wildcard docs/man/*.[1-9])),644,$(m),$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m))) \
                644,completions/weir.bash,$(BASHCOMPDIR)/weir 644,completions/_weir,$(ZSHCOMPDIR)/_weir
LINKS         = $(foreach l,libweir libweir-bpf,$(l).so.$(VERSION),$(LIBDIR)/$(l).so.$(SOVERSION) $(l).so.$(SOVERSION),$(LIBDIR)/$(l).so)
PC_FILES      = weir.pc weir-bpf.pc

install: all ## copy to $(DESTDIR)$(PREFIX)
	$(Q)set -e; IFS=,; for f in $(COPIES); do set -- $$f; install -D -m $$1 $$2 $(DESTDIR)$$3; done
	$(Q)set -e; IFS=,; for f in $(LINKS); do set -- $$f; ln -sf $$1 $(DESTDIR)$$2; done
	$(Q)set -e; for f in $(PC_FILES); do \
	  sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|' -e 's|@VERSION@|$(VERSION)|' $$f.in | \
	    install -D -m 644 /dev/stdin $(DESTDIR)$(LIBDIR)/pkgconfig/$$f; done
uninstall: ## remove what install put there
	$(Q)IFS=,; for f in $(COPIES); do set -- $$f; rm -f $(DESTDIR)$$3; done
	$(Q)IFS=,; for f in $(LINKS); do set -- $$f; rm -f $(DESTDIR)$$2; done
	$(Q)for f in $(PC_FILES); do rm -f $(DESTDIR)$(LIBDIR)/pkgconfig/$$f; done
	$(Q)rmdir $(DESTDIR)$(PREFIX)/include/weir 2>/dev/null || true

# ---------------------------------------------------------------- tests

tests: $(TEST_BIN) $(REPLAY_BIN) $(B)/weir $(B)/libweir.so $(B)/libweir-pcap.so ## build the tests without running them
$(B)/tests/%: $(B)/tests/%.o $(HARNESS_OBJ) $(B)/libweir.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(TEST_LIBS)
$(B)/tests/attach/%: $(B)/tests/attach/%.o $(HARNESS_OBJ) $(B)/libweir.a $(B)/libweir-bpf.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(TEST_LIBS)
# A fuzz target that runs on files, without a fuzzer.
$(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(B)/libweir.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(B)/libweir.a -lpcap
$(B)/tests/fuzz/replay_dropin: $(DROPIN_OBJ)
$(B)/jit-tests/%: $(B)/jit-tests/%.o $(HARNESS_OBJ) $(B)/libweir.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(TEST_LIBS)

test: deps deps-test ## build everything and run all tests
	$(Q)$(MAKE) --no-print-directory all tests examples
	$(Q)B=$(B) WEIR_SHARED=$(WEIR_SHARED) tests/harness/run $(TEST_BIN) $(TEST_SH)
test-long: deps deps-test ## the tests with their long running times
	$(Q)$(MAKE) --no-print-directory all tests examples
	$(Q)B=$(B) WEIR_SHARED=$(WEIR_SHARED) WEIR_LONG=1 tests/harness/run $(TEST_BIN) $(TEST_SH)
# Each block of an arena an allocation, for AddressSanitizer to see its ends.
EXACT_FLAGS = -DARENA_CHUNK_BYTES=16 -DARENA_CHUNK_MAX=16 -DVEC_FIRST=1
ASAN_FLAGS = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer $(EXACT_FLAGS)
check-asan: ## all tests under AddressSanitizer and UBSan
	$(Q)$(MAKE) --no-print-directory B=$(B)/asan CFLAGS='$(ASAN_FLAGS)' test
TSAN_FLAGS = -O1 -g -fsanitize=thread
check-tsan: ## all tests under ThreadSanitizer
	$(Q)TSAN_OPTIONS=suppressions=$(CURDIR)/tests/harness/tsan.supp WEIR_TIMEOUT=3600 \
	    $(MAKE) --no-print-directory B=$(B)/tsan CFLAGS='$(TSAN_FLAGS)' test
# clang's MemorySanitizer wants every library built with it: what needs libweir and libc alone, without the shared cases,
# which are read by a library that is not.
MSAN_FLAGS = -O1 -g -fsanitize=memory -fno-sanitize-recover=all
MSAN_TESTS = $(addprefix $(B)/msan/tests/,$(addprefix property/test_,cbpf_emit ir_text properties roundtrip threads) \
                unit/test_alloc abi/test_misuse)
check-msan: deps deps-test ## the library's properties under clang's MemorySanitizer
	$(Q)$(MAKE) --no-print-directory B=$(B)/msan CC=clang CFLAGS='$(MSAN_FLAGS)' $(MSAN_TESTS)
	$(Q)B=$(B)/msan WEIR_SHARED=$(B)/msan/none tests/harness/run $(MSAN_TESTS)
check-clang: ## build with clang
	$(Q)$(MAKE) --no-print-directory B=$(B)/clang CC=clang all tests
check-headers: ## every header compiles alone; the public one also as C++
	$(Q)for h in $$(ls compiler/*/*.h compiler/backends/*/*.h grammar/*.h attach/*.h dropin/*.h); do \
	  echo "#include \"$$h\"" | $(CC) $(WARN) $(INC) -x c -fsyntax-only - || exit 1; done
	$(Q)for s in c11 c17; do echo '#include "weir/weir.h"' | $(CC) -std=$$s -Wall -Wextra -Wpedantic -Werror -Icompiler/include -x c -fsyntax-only - || exit 1; done
	$(Q)echo '#include "weir/weir.h"' | $(CXX) -std=c++17 -Wall -Wextra -Wpedantic -Werror -Icompiler/include -x c++ -fsyntax-only -

format: ## lay C files out as .clang-format says
	$(Q)find . -path ./build -prune -o -name '*.[ch]' -print | xargs clang-format -i
FUZZ ?= parser
TIME ?= 60
FUZZ_FLAGS = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all $(EXACT_FLAGS)
FUZZ_WITH_dropin = $(DROPIN_SRC) -lpcap
fuzz: ## FUZZ=parser|pipeline|shape|ir|raw|dropin TIME=seconds: run a fuzzer (clang's libFuzzer)
	$(Q)mkdir -p $(B)/fuzz/corpus-$(FUZZ)
	$(Q)$(MAKE) --no-print-directory B=$(B)/fuzz CC=clang CFLAGS='$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link' $(B)/fuzz/libweir.a
	$(Q)clang $(filter-out -Werror,$(WARN)) $(FUZZ_FLAGS) -fsanitize=fuzzer $(INC) \
	    tests/fuzz/fuzz_$(FUZZ).c $(FUZZ_WITH_$(FUZZ)) $(B)/fuzz/libweir.a -o $(B)/fuzz/fuzz_$(FUZZ)
	$(Q)$(B)/fuzz/fuzz_$(FUZZ) -max_total_time=$(TIME) -dict=tests/fuzz/filter.dict -max_len=512 -timeout=10 \
	    -artifact_prefix=$(B)/fuzz/ $(B)/fuzz/corpus-$(FUZZ) tests/fuzz/corpus

bench: deps deps-test $(BENCH_BIN) $(B)/weir ## ratios against the installed libpcap
	$(Q)for b in $(BENCH_BIN); do WEIR_SHARED=$(WEIR_SHARED) $$b || exit 1; done
$(B)/bench/%: $(B)/bench/%.o $(HARNESS_OBJ) $(B)/libweir.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(TEST_LIBS)

# Counts what a compile executes: the library in a build of its own that calls back in every basic block.
COUNT_FLAGS = -O2 -g -fsanitize-coverage=trace-pc
$(B)/count/libweir.a: $(B)/libweir.a
	$(Q)$(MAKE) --no-print-directory B=$(B)/count CFLAGS='$(COUNT_FLAGS)' $(B)/count/libweir.a
$(B)/bench/hostile: $(B)/bench/hostile.o $(HARNESS_OBJ) $(B)/count/libweir.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(TEST_LIBS)

# The examples include what is installed: a second header stands beside the first.
$(B)/gen/weir/weir_bpf.h: attach/weir_bpf.h
	$(Q)mkdir -p $(@D) && cp $< $@
$(EXAMPLE_SRC:%.c=$(B)/%.o): $(B)/gen/weir/weir_bpf.h

examples: $(EXAMPLE_BIN) ## build the examples
$(B)/examples/%: $(B)/examples/%.o $(B)/libweir.a $(B)/libweir-bpf.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ -lpcap -lbpf

clean: ## remove everything generated
	$(Q)rm -rf $(B)

.SECONDARY:
.DELETE_ON_ERROR:
-include $(LIB_OBJ:.o=.d) $(BPF_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(DROPIN_OBJ:.o=.d) $(HARNESS_OBJ:.o=.d) $(TEST_SRC:%.c=$(B)/%.d) $(FUZZ_SRC:%.c=$(B)/%.d) $(BENCH_SRC:%.c=$(B)/%.d) $(EXAMPLE_SRC:%.c=$(B)/%.d)
