/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/attach/test_load.c - libweir-bpf as a library: what it says when the kernel refuses, and that it is
 * quiet.
 */
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "attach/weir_bpf.h"
#include "tests/harness/tap.h"
#include "weir/weir.h"

/* The object of @text; NULL when it cannot be made. To be freed with free(). */
static char *object_of(const char *text, uint32_t count, size_t *len)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir *cx = NULL;
    struct weir_program *p = NULL;
    char *bytes = NULL, *copy = NULL;

    o.target = WEIR_TARGET_XDP;
    o.count = count;
    if (weir_new(NULL, &cx) == 0 && weir_compile(cx, text, strlen(text), &o, &p) >= 0 &&
        weir_program_object(p, NULL, &bytes, len) == 0) {
        copy = malloc(*len);
        if (copy)
            memcpy(copy, bytes, *len);
        weir_text_free(p, bytes);
    }
    weir_program_free(p);
    weir_free(cx);
    return copy;
}

/* In front of the last `exit`, a register is read that the call of a helper has made unreadable. */
static bool spoil(char *object, size_t len)
{
    static const unsigned char exit_insn[8] = {0x95};

    for (size_t i = len / 8 * 8; i >= 16; i -= 8)
        if (memcmp(object + i - 8, exit_insn, 8) == 0) {
            memcpy(object + i - 16, "\xbf\x30\0\0\0\0\0\0", 8); /* r0 = r3 */
            return true;
        }
    return false;
}

/* Lets stdout and stderr go to a file while it is looked at whether something prints. */
struct silence {
    int out, err, file;
};

static struct silence silence_begin(void)
{
    char name[] = "/tmp/weir-silence-XXXXXX";
    struct silence s = {dup(1), dup(2), mkstemp(name)};

    unlink(name);
    dup2(s.file, 1);
    dup2(s.file, 2);
    return s;
}

static bool silence_end(struct silence s)
{
    struct stat st;
    bool silent = fstat(s.file, &st) == 0 && st.st_size == 0;

    dup2(s.out, 1);
    dup2(s.err, 2);
    close(s.out);
    close(s.err);
    close(s.file);
    return silent;
}

static void test_refusals(char *good, size_t len, char *uncounted, size_t uncounted_len)
{
    static const char junk[] = "this is not an object";
    struct weir_bpf_error junk_error, uncounted_error, spoiled_error;
    struct weir_bpf *p = NULL;
    struct silence s = silence_begin();
    int junk_result = weir_bpf_load(junk, sizeof junk, &p, &junk_error);
    int uncounted_result = weir_bpf_load(uncounted, uncounted_len, &p, &uncounted_error);
    bool spoilt = spoil(good, len);
    int spoiled_result = weir_bpf_load(good, len, &p, &spoiled_error);
    bool silent = silence_end(s);

    tap_ok(junk_result < 0 && strstr(junk_error.message, "not an eBPF object"), "no object: said so");
    tap_ok(uncounted_result < 0 && strstr(uncounted_error.message, "weir_counts") && uncounted_error.hint[0],
           "an object without counters: said so");
    tap_ok(spoilt && spoiled_result < 0 && strstr(spoiled_error.message, "verifier"),
           "refused by the verifier: said so");
    if (!tap_ok(strstr(spoiled_error.log, "R3 !read_ok") != NULL, "with the end of its log"))
        tap_diag("%s", spoiled_error.log);
    tap_ok(strstr(spoiled_error.log, "processed") != NULL, "which is complete");
    tap_ok(p == NULL, "the result is untouched");
    tap_ok(silent, "nothing was printed");
}

static void test_places(char *good, size_t len)
{
    struct weir_bpf_place place = {.size = sizeof place, .hook = WEIR_BPF_XDP, .interface = "no-such-if"};
    struct weir_bpf_error e;
    struct weir_bpf *p = NULL;

    if (!tap_ok(weir_bpf_load(good, len, &p, &e) == 0, "a good object loads")) {
        tap_diag("%s %s", e.message, e.log);
        return;
    }
    tap_ok(weir_bpf_id(p) > 0, "it has a number");
    tap_ok(weir_bpf_attach(p, &place, NULL, &e) < 0 &&
               strstr(e.message, "no interface is called 'no-such-if'"),
           "no such interface: said so");
    place.hook = 9;
    tap_ok(weir_bpf_attach(p, &place, NULL, &e) < 0 && e.message[0], "no such hook: said so");
    place.size = 1;
    tap_ok(weir_bpf_attach(p, &place, NULL, NULL) < 0, "another size of the structure, nobody to tell");
    weir_bpf_close(p);
    weir_bpf_close(NULL);
}

/* NULL where it says nothing: an error that tells what is missing, or no answer. */
static void test_missing(const char *good, size_t len)
{
    struct weir_bpf_place place = {.size = sizeof place, .hook = WEIR_BPF_XDP, .interface = "lo"};
    struct weir_bpf_member m = {0};
    struct weir_bpf_set *set = NULL;
    struct weir_bpf_error e;
    char text[WEIR_BPF_MEMBER_TEXT] = "x";
    const int status[] = {
        weir_bpf_load(NULL, len, &(struct weir_bpf *){NULL}, &e),
        weir_bpf_load(good, len, NULL, &e),
        weir_bpf_attach(NULL, &place, NULL, &e),
        weir_bpf_set_of(NULL, "bad", &set, &e),
        weir_bpf_set_open(NULL, &set, &e),
        weir_bpf_set_open("bad", NULL, &e),
        weir_bpf_set_add(NULL, &m, 1, 0, NULL, &e),
        weir_bpf_set_remove(NULL, &m, 1, 0, NULL, &e),
        weir_bpf_set_each(NULL, NULL, NULL, &e),
        weir_bpf_set_list(NULL, NULL, &e),
        weir_bpf_list(NULL, NULL, &e),
        weir_bpf_detach(NULL, &e),
        weir_bpf_unpin(NULL, &e),
        weir_bpf_member_read(WEIR_BPF_SET_PORTS, NULL, 2, &m, &e),
        weir_bpf_member_read(WEIR_BPF_SET_PORTS, "80", 2, NULL, &e),
        weir_bpf_member_read(0, "80", 2, &m, &e),
        weir_bpf_member_read(4, "80", 2, &m, NULL),
    };
    size_t wrong = 0;

    for (size_t i = 0; i < sizeof status / sizeof *status; i++)
        wrong += status[i] != -22;
    tap_ok(wrong == 0 && !set, "what is missing is -EINVAL");
    weir_bpf_load(NULL, len, NULL, &e);
    tap_ok(e.number == 22 && !strcmp(e.message, "the object is missing"), "and told");
    weir_bpf_member_text(WEIR_BPF_SET_PORTS, NULL, text);
    tap_ok(text[0] == '\0' && weir_bpf_id(NULL) == 0 && weir_bpf_set_kind(NULL) == 0 &&
               weir_bpf_set_is_shared(NULL) == 0,
           "without a handle there is nothing to tell");
    weir_bpf_close(NULL);
    weir_bpf_set_close(NULL);
}

int main(void)
{
    size_t len = 0, again_len = 0, uncounted_len = 0;
    char *good = object_of("tcp port 80", 1, &len), *again = object_of("tcp port 80", 1, &again_len);
    char *uncounted = object_of("tcp port 80", 0, &uncounted_len);

    if (geteuid() != 0)
        return tap_skip_all("root is needed to load programs into the kernel");
    test_missing(good, len);
    if (tap_ok(good && again && uncounted, "objects are made")) {
        test_places(good, len);
        test_refusals(again, again_len, uncounted, uncounted_len);
    }
    free(good);
    free(again);
    free(uncounted);
    return tap_done();
}
