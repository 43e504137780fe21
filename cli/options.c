/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/options.c - the command line: letters and words to struct options. */
#include "options.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "say.h"
#include "weir/weir.h"

enum {
    LONG_NETMASK = 256,
    LONG_LIVE,
    LONG_SAVEFILE,
    LONG_RESOLVE,
    LONG_NAMES,
    LONG_ALLOW_NEVER,
    LONG_LINT,
    LONG_NO_WARNINGS,
    LONG_COUNT,
    LONG_JSON,
    LONG_DUMP_IR,
    LONG_FROM,
    LONG_VERSION,
    LONG_ON_MATCH,
    LONG_ON_MISS,
    LONG_NAME,
    LONG_EMIT,
    LONG_FRAGS,
    LONG_DIRECT,
    LONG_NO_MAPS,
    LONG_NO_COUNTERS,
    LONG_INGRESS,
    LONG_EGRESS,
    LONG_LINKED,
    LONG_COST,
    LONG_INPUTS,
    LONG_TUNE,
};

static const struct option long_options[] = {
    {"netmask", required_argument, NULL, LONG_NETMASK},
    {"live", no_argument, NULL, LONG_LIVE},
    {"savefile", required_argument, NULL, LONG_SAVEFILE},
    {"resolve", required_argument, NULL, LONG_RESOLVE},
    {"names", required_argument, NULL, LONG_NAMES},
    {"allow-never", no_argument, NULL, LONG_ALLOW_NEVER},
    {"lint", no_argument, NULL, LONG_LINT},
    {"no-warnings", no_argument, NULL, LONG_NO_WARNINGS},
    {"count", no_argument, NULL, LONG_COUNT},
    {"json", no_argument, NULL, LONG_JSON},
    {"dump-ir", no_argument, NULL, LONG_DUMP_IR},
    {"on-match", required_argument, NULL, LONG_ON_MATCH},
    {"on-miss", required_argument, NULL, LONG_ON_MISS},
    {"name", required_argument, NULL, LONG_NAME},
    {"emit", required_argument, NULL, LONG_EMIT},
    {"frags", no_argument, NULL, LONG_FRAGS},
    {"direct", no_argument, NULL, LONG_DIRECT},
    {"no-maps", no_argument, NULL, LONG_NO_MAPS},
    {"no-counters", no_argument, NULL, LONG_NO_COUNTERS},
    {"ingress", no_argument, NULL, LONG_INGRESS},
    {"egress", no_argument, NULL, LONG_EGRESS},
    {"linked", no_argument, NULL, LONG_LINKED},
    {"cost", no_argument, NULL, LONG_COST},
    {"inputs", no_argument, NULL, LONG_INPUTS},
    {"tune", required_argument, NULL, LONG_TUNE},
    {"from", required_argument, NULL, LONG_FROM},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, LONG_VERSION},
    {NULL, 0, NULL, 0},
};

void options_help(void)
{
    fputs(
        "usage: weir [-d | -dd | -ddd] [OPTION...] [EXPRESSION...]     print the program of a filter\n"
        "       weir -r IN [-w OUT] [-c N] [--count] [EXPRESSION...]   filter a savefile\n"
        "       weir diff [OPTION...] A B                              do two filters, or programs, mean the "
        "same?\n"
        "       weir -L                                                list the link types\n"
        "       weir attach xdp|tc IFACE [OPTION...] [EXPRESSION...]   count, or act on, packets of an "
        "interface\n"
        "       weir show [--json]; weir detach xdp|tc IFACE           what is attached; see weir-attach(8)\n"
        "       weir set add|del NAME MEMBER...; weir set list [NAME]  its sets (@NAME in the filter)\n"
        "\n"
        "What the packets are:\n"
        "  -y LINKTYPE        link type, by name or DLT number (default: of -r, of -i, else EN10MB;\n"
        "                     for packets from IP on, as with -t cgroup, RAW)\n"
        "  -s SNAPLEN         what a match returns (default 262144, as 0)\n"
        "  -r IN              read IN (- is stdin), or with -d take its link type\n"
        "  -i IFACE           with -d: as for a live capture on IFACE\n"
        "  --live             with Linux packet metadata\n"
        "  --netmask M        for 'ip broadcast': 255.255.255.0, 0xffffff00 or /24\n"
        "  --savefile ORDER   swapped or unswapped: byte order of the machine that wrote the file\n"
        "The filter:\n"
        "  -F FILE            read it from FILE (- is stdin); # starts a comment\n"
        "  --from FILE        instead of a filter, a classic program: as -d, -dd, -ddd, --emit or bpf_asm "
        "write it;\n"
        "                     with -O it stays as it is\n"
        "  --resolve WHERE    where names come from: system (default), files, none\n"
        "  --names DIR        hosts, ethers, networks, services and protocols of DIR\n"
        "  --allow-never      accept a filter that can never match\n"
        "  --lint             also warn about suspicious filters; --no-warnings: never warn\n"
        "The program:\n"
        "  -d, -dd, -ddd      as a listing (default), as C, as decimal numbers\n"
        "  -O                 without the optimizer\n"
        "  -t TARGET          cbpf (default), or eBPF: xdp, tc, socket, cgroup, func\n"
        "  -o FILE            write it to FILE (- is stdout): eBPF as an ELF object, else raw instructions\n"
        "  --emit=FORMAT      c, xtables (bytecode for iptables' bpf match) or tc (for tc filter ... bpf "
        "bytecode)\n"
        "  --on-match ACTION  xdp: pass, drop, tx, aborted; tc: pass, ok, drop; --on-miss likewise. With -o "
        "and\n"
        "                     attach every packet passes by default and is only counted\n"
        "  --name NAME        of the function in an object (default weir); --linked: for libbpf's linker\n"
        "  --frags            xdp: for frames of several buffers\n"
        "  --direct           socket: packet bytes are read without calls (Linux 6.17)\n"
        "  --ingress, --egress  tc, cgroup, xtables: where it runs; cgroup: ingress by default\n"
        "  --no-maps          no tables in read-only data; --no-counters: an object that does not count\n"
        "  --cost             also say what it costs, and whether this machine's kernel takes it\n"
        "  --inputs           also say which bytes, and what else, it reads, and how far into packets\n"
        "  --tune WHAT        speed (default), size, or kernel (for sockets: fewer loads at variable "
        "addresses)\n"
        "  --dump-ir          print the intermediate representation\n",
        stdout);
    fputs("Filtering:\n"
          "  -w OUT             write the packets that match to OUT (- is stdout)\n"
          "  -c N               stop after N packets that match\n"
          "  --count            print how many packets match (default without -w)\n"
          "Comparing:\n"
          "  --whole-packets    only packets that hold all bytes that are looked at (default: --any-length)\n"
          "  --timeout SECONDS  give up after so many (default 20); -w OUT: write the packet that tells them "
          "apart\n"
          "Attaching:\n"
          "  --mode WHERE       xdp: native (in the driver), generic or auto (default)\n"
          "  --replace          xdp: take the place of a program of weir\n"
          "  --pin NAME         also keep it as /sys/fs/bpf/weir/NAME; detach --pin NAME: remove that\n"
          "  --set NAME=FILE    what the set @NAME begins with\n"
          "  --program N, --all detach: this one, or everything; --exist: set add and del do not mind "
          "repetition\n"
          "Else:\n"
          "  --json             diagnostics, counts and -L for programs\n"
          "  -h, --help         this text; --version: the versions of weir and libpcap\n"
          "\n"
          "Exit status: 0 done, 1 failed, 2 wrong use. See weir(1) and weir-filter(7).\n",
          stdout);
}

/* Digits only (0x allowed), at most @max. */
static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long value;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    value = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
    if (errno || *end || value > max)
        return false;
    *out = value;
    return true;
}

static bool parse_netmask(const char *text, uint32_t *out)
{
    struct in_addr address;
    uint64_t value;

    if (text[0] == '/' && parse_number(text + 1, 32, &value)) {
        *out = value ? UINT32_MAX << (32 - value) : 0;
        return true;
    }
    if (inet_pton(AF_INET, text, &address) == 1) {
        *out = ntohl(address.s_addr);
        return true;
    }
    if (strncmp(text, "0x", 2) != 0 || !parse_number(text, UINT32_MAX, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

static int parse_target(const char *name, uint32_t *target)
{
    static const struct {
        const char *name;
        uint32_t target;
    } known[] = {
        {"cbpf", WEIR_TARGET_CBPF},     {"xdp", WEIR_TARGET_XDP},       {"tc", WEIR_TARGET_TC},
        {"socket", WEIR_TARGET_SOCKET}, {"cgroup", WEIR_TARGET_CGROUP}, {"func", WEIR_TARGET_FUNC},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(name, known[i].name)) {
            *target = known[i].target;
            return EXIT_DONE;
        }
    if (!strcmp(name, "native"))
        return say_usage(
            "target 'native' is not in this version; it has cbpf, xdp, tc, socket, cgroup and func");
    return say_usage("unknown target '%s': cbpf, xdp, tc, socket, cgroup or func", name);
}

static int parse_emit(const char *name, int *emit)
{
    static const char *const names[] = {[EMIT_C] = "c", [EMIT_XTABLES] = "xtables", [EMIT_TC] = "tc"};

    for (int i = EMIT_C; i <= EMIT_TC; i++)
        if (!strcmp(name, names[i])) {
            *emit = i;
            return EXIT_DONE;
        }
    return say_usage("--emit is 'c', 'xtables' or 'tc', not '%s'", name);
}

static int parse_tune(const char *name, uint32_t *tune)
{
    static const char *const names[] = {
        [WEIR_TUNE_SPEED] = "speed", [WEIR_TUNE_SIZE] = "size", [WEIR_TUNE_KERNEL] = "kernel"};

    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i])) {
            *tune = i;
            return EXIT_DONE;
        }
    return say_usage("--tune is 'speed', 'size' or 'kernel', not '%s'", name);
}

/* Options that take a value. */
static int parse_value(int letter, const char *value, struct options *o)
{
    uint64_t number;

    switch (letter) {
    case 'y':
        o->linktype = weir_linktype_by_name(value);
        if (o->linktype < 0)
            return say_usage("unknown link type '%s'; 'weir -L' lists them", value);
        return EXIT_DONE;
    case 's':
        if (!parse_number(value, UINT32_MAX, &number))
            return say_usage("'%s' is not a snapshot length (0 to 4294967295)", value);
        o->snaplen = number ? (uint32_t)number : WEIR_SNAPLEN_DEFAULT;
        return EXIT_DONE;
    case 'c':
        if (!parse_number(value, UINT64_MAX, &o->packets) || !o->packets)
            return say_usage("'%s' is not a number of packets (1 or more)", value);
        return EXIT_DONE;
    case LONG_NETMASK:
        if (!parse_netmask(value, &o->netmask))
            return say_usage("'%s' is not a netmask (255.255.255.0, 0xffffff00 or /24)", value);
        return EXIT_DONE;
    case LONG_SAVEFILE:
        if (!strcmp(value, "swapped"))
            o->savefile = WEIR_SAVEFILE_SWAPPED;
        else if (!strcmp(value, "unswapped"))
            o->savefile = WEIR_SAVEFILE_UNSWAPPED;
        else
            return say_usage("--savefile is 'swapped' or 'unswapped', not '%s'", value);
        return EXIT_DONE;
    case LONG_ON_MATCH:
        o->on_match = value;
        return EXIT_DONE;
    case LONG_ON_MISS:
        o->on_miss = value;
        return EXIT_DONE;
    case LONG_NAME:
        o->function = value;
        return EXIT_DONE;
    case LONG_EMIT:
        return parse_emit(value, &o->emit);
    case LONG_TUNE:
        return parse_tune(value, &o->tune);
    default:
        return parse_target(value, &o->target);
    }
}

/* Options that do not go together. */
static int check(const struct options *o, bool resolve_given)
{
    bool program = o->listing || o->program_file || o->dump_ir || o->emit;

    if (o->filter_file && o->word_count)
        return say_usage("-F and an expression exclude each other");
    if (o->from_file && (o->filter_file || o->word_count))
        return say_usage("--from and a filter exclude each other");
    if (o->input && o->interface)
        return say_usage("-r and -i exclude each other");
    if (!o->input && (o->output || o->packets || o->count))
        return say_usage("%s needs -r", o->output ? "-w" : o->packets ? "-c" : "--count");
    if (o->input && program && (o->output || o->packets || o->count))
        return say_usage("%s filters and %s prints a program: one at a time",
                         o->output    ? "-w"
                         : o->packets ? "-c"
                                      : "--count",
                         o->listing   ? "-d"
                         : o->dump_ir ? "--dump-ir"
                         : o->emit    ? "--emit"
                                      : "-o");
    if (o->input && !program && o->target != WEIR_TARGET_CBPF)
        return say_usage("-t with -r needs -d or -o");
    if (o->input && o->filter_file && !strcmp(o->input, "-") && !strcmp(o->filter_file, "-"))
        return say_usage("-r and -F cannot both read stdin");
    if (o->input && o->from_file && !strcmp(o->input, "-") && !strcmp(o->from_file, "-"))
        return say_usage("-r and --from cannot both read stdin");
    if (o->listing > 2 && o->target != WEIR_TARGET_CBPF)
        return say_usage("-ddd is for classic programs");
    if (o->emit && (o->listing || o->dump_ir || o->program_file))
        return say_usage("--emit goes without -d, -o and --dump-ir");
    if ((o->emit == EMIT_XTABLES || o->emit == EMIT_TC) && o->target != WEIR_TARGET_CBPF)
        return say_usage("--emit=%s is for classic programs; see -t and -o for eBPF",
                         o->emit == EMIT_TC ? "tc" : "xtables");
    if (o->function && o->target == WEIR_TARGET_CBPF)
        return say_usage("--name is for eBPF objects (-t and -o)");
    if (o->cost && (o->target != WEIR_TARGET_CBPF || o->emit || o->dump_ir || o->listing > 1 ||
                    (o->input && !o->listing && !o->program_file)))
        return say_usage("--cost goes with -d and classic programs");
    if (o->inputs &&
        (o->emit || o->dump_ir || o->listing > 1 || (o->input && !o->listing && !o->program_file)))
        return say_usage("--inputs goes with -d");
    if (o->tune != WEIR_TUNE_SPEED && o->plain)
        return say_usage("-O and --tune exclude each other");
    if (o->listing && o->dump_ir)
        return say_usage("-d and --dump-ir exclude each other");
    if (o->program_file && !strcmp(o->program_file, "-") && (o->listing || o->dump_ir || o->inputs))
        return say_usage("'-o -' and %s would both write to stdout", o->listing   ? "-d"
                                                                     : o->dump_ir ? "--dump-ir"
                                                                                  : "--inputs");
    if (o->names && resolve_given && o->resolve != RESOLVE_FILES)
        return say_usage("--names goes with --resolve files only");
    if (o->lint && o->no_warnings)
        return say_usage("--lint and --no-warnings exclude each other");
    return EXIT_DONE;
}

static int unknown_option(int letter, char **argv)
{
    if (letter == '?' && optopt && optopt < 256 &&
        strchr("AbefHKlnNqSuvxX", optopt)) /* fingers that know tcpdump */
        return say_usage("unknown option -%c: with tcpdump it is about printing packets, which weir does not",
                         optopt);
    if (letter == '?' && optopt && optopt < 256 && strchr("BCDGIjJpPQUWzZ", optopt))
        return say_usage("unknown option -%c: with tcpdump it is about capturing, which weir does not",
                         optopt);
    if (optopt && optopt < 256)
        return say_usage(letter == ':' ? "-%c needs a value" : "unknown option -%c", optopt);
    return say_usage(letter == ':' ? "%s needs a value"
                     : optopt      ? "%s takes no value"
                                   : "unknown option %s",
                     argv[optind - 1]);
}

int options_parse(int argc, char **argv, struct options *o)
{
    bool resolve_given = false;
    int letter, status;

    *o = (struct options){.linktype = -1, .netmask = WEIR_NETMASK_UNKNOWN, .savefile = -1};
    opterr = 0;
    while ((letter = getopt_long(argc, argv, ":dOhLy:s:F:r:w:c:i:t:o:", long_options, NULL)) != -1) {
        switch (letter) {
        case 'd':
            o->listing++;
            break;
        case 'O':
            o->plain = true;
            break;
        case 'h':
            o->action = ACTION_HELP;
            return EXIT_DONE;
        case LONG_VERSION:
            o->action = ACTION_VERSION;
            return EXIT_DONE;
        case 'L':
            o->action = ACTION_LINKTYPES;
            break;
        case 'F':
            o->filter_file = optarg;
            break;
        case LONG_FROM:
            o->from_file = optarg;
            break;
        case 'r':
            o->input = optarg;
            break;
        case 'w':
            o->output = optarg;
            break;
        case 'i':
            o->interface = optarg;
            break;
        case 'o':
            o->program_file = optarg;
            break;
        case LONG_LIVE:
            o->live = true;
            break;
        case LONG_NAMES:
            o->names = optarg;
            break;
        case LONG_RESOLVE:
            resolve_given = true;
            if (!strcmp(optarg, "none"))
                o->resolve = RESOLVE_NONE;
            else if (!strcmp(optarg, "files"))
                o->resolve = RESOLVE_FILES;
            else if (!strcmp(optarg, "system"))
                o->resolve = RESOLVE_SYSTEM;
            else
                return say_usage("--resolve is 'none', 'files' or 'system', not '%s'", optarg);
            break;
        case LONG_ALLOW_NEVER:
            o->allow_never = true;
            break;
        case LONG_LINT:
            o->lint = true;
            break;
        case LONG_NO_WARNINGS:
            o->no_warnings = true;
            break;
        case LONG_COUNT:
            o->count = true;
            break;
        case LONG_JSON:
            o->json = true;
            break;
        case LONG_DUMP_IR:
            o->dump_ir = true;
            break;
        case LONG_FRAGS:
            o->frags = true;
            break;
        case LONG_DIRECT:
            o->direct = true;
            break;
        case LONG_NO_MAPS:
            o->no_maps = true;
            break;
        case LONG_NO_COUNTERS:
            o->no_counters = true;
            break;
        case LONG_INGRESS:
        case LONG_EGRESS:
            if (o->hook == (letter == LONG_EGRESS ? WEIR_HOOK_INGRESS : WEIR_HOOK_EGRESS))
                return say_usage("--ingress and --egress exclude each other");
            o->hook = letter == LONG_EGRESS ? WEIR_HOOK_EGRESS : WEIR_HOOK_INGRESS;
            break;
        case LONG_LINKED:
            o->linked = true;
            break;
        case LONG_COST:
            o->cost = true;
            break;
        case LONG_INPUTS:
            o->inputs = true;
            break;
        case ':':
        case '?':
            return unknown_option(letter, argv);
        default:
            status = parse_value(letter, optarg, o);
            if (status)
                return status;
        }
    }
    o->words = argv + optind;
    o->word_count = argc - optind;
    if (o->action == ACTION_LINKTYPES)
        return o->word_count ? say_usage("-L takes no expression") : EXIT_DONE;
    status = check(o, resolve_given);
    if (status)
        return status;
    if (o->names && !resolve_given)
        o->resolve = RESOLVE_FILES;
    if (o->input && !o->listing && !o->program_file && !o->dump_ir && !o->emit)
        o->action = ACTION_MATCH;
    return EXIT_DONE;
}
