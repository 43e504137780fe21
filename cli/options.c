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
    LONG_VERSION,
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
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, LONG_VERSION},
    {NULL, 0, NULL, 0},
};

void options_help(void)
{
    fputs("usage: weir [-d | -dd | -ddd] [OPTION...] [EXPRESSION...]     print the program of a filter\n"
          "       weir -r IN [-w OUT] [-c N] [--count] [EXPRESSION...]   filter a savefile\n"
          "       weir -L                                                list the link types\n"
          "\n"
          "What the packets are:\n"
          "  -y LINKTYPE        link type, by name or DLT number (default: of -r, of -i, else EN10MB)\n"
          "  -s SNAPLEN         what a match returns (default 262144, as 0)\n"
          "  -r IN              read IN (- is stdin), or with -d take its link type\n"
          "  -i IFACE           with -d: as for a live capture on IFACE\n"
          "  --live             with Linux packet metadata\n"
          "  --netmask M        for 'ip broadcast': 255.255.255.0, 0xffffff00 or /24\n"
          "  --savefile ORDER   swapped or unswapped: byte order of the machine that wrote the file\n"
          "The filter:\n"
          "  -F FILE            read it from FILE (- is stdin); # starts a comment\n"
          "  --resolve WHERE    where names come from: system (default), files, none\n"
          "  --names DIR        hosts, ethers, networks, services and protocols of DIR\n"
          "  --allow-never      accept a filter that can never match\n"
          "  --lint             also warn about suspicious filters; --no-warnings: never warn\n"
          "The program:\n"
          "  -d, -dd, -ddd      as a listing (default), as C, as decimal numbers\n"
          "  -O                 without the optimizer\n"
          "  -t TARGET          cbpf (default) or xdp\n"
          "  -o FILE            write the raw instructions to FILE (- is stdout)\n"
          "  --dump-ir          print the intermediate representation\n"
          "Filtering:\n"
          "  -w OUT             write the packets that match to OUT (- is stdout)\n"
          "  -c N               stop after N packets that match\n"
          "  --count            print how many packets match (default without -w)\n"
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
    static const char *const planned[] = {"tc", "socket", "cgroup", "func", "native"};

    if (!strcmp(name, "cbpf")) {
        *target = WEIR_TARGET_CBPF;
        return EXIT_DONE;
    }
    if (!strcmp(name, "xdp")) {
        *target = WEIR_TARGET_XDP;
        return EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof planned / sizeof planned[0]; i++)
        if (!strcmp(name, planned[i]))
            return say_usage("target '%s' is not in this version; it has cbpf and xdp", name);
    return say_usage("unknown target '%s': cbpf or xdp", name);
}

/* Options that take a value. */
static int parse_value(int letter, const char *value, struct options *o)
{
    uint64_t number;

    switch (letter) {
    case 'y':
        if (parse_number(value, UINT32_MAX, &number))
            o->linktype = (int64_t)number; /* whether there is such a type is the library's to say */
        else
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
    default:
        return parse_target(value, &o->target);
    }
}

/* Options that do not go together. */
static int check(const struct options *o, bool resolve_given)
{
    bool program = o->listing || o->program_file || o->dump_ir;

    if (o->filter_file && o->word_count)
        return say_usage("-F and an expression exclude each other");
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
                                      : "-o");
    if (o->input && !program && o->target != WEIR_TARGET_CBPF)
        return say_usage("-t with -r needs -d or -o");
    if (o->input && o->filter_file && !strcmp(o->input, "-") && !strcmp(o->filter_file, "-"))
        return say_usage("-r and -F cannot both read stdin");
    if (o->listing > 2 && o->target != WEIR_TARGET_CBPF)
        return say_usage("-ddd is for classic programs");
    if (o->listing && o->dump_ir)
        return say_usage("-d and --dump-ir exclude each other");
    if (o->program_file && !strcmp(o->program_file, "-") && (o->listing || o->dump_ir))
        return say_usage("'-o -' and %s would both write to stdout", o->listing ? "-d" : "--dump-ir");
    if (o->names && resolve_given && o->resolve != RESOLVE_FILES)
        return say_usage("--names goes with --resolve files only");
    if (o->lint && o->no_warnings)
        return say_usage("--lint and --no-warnings exclude each other");
    return EXIT_DONE;
}

static int unknown_option(int letter, char **argv)
{
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
    if (o->input && !o->listing && !o->program_file && !o->dump_ir)
        o->action = ACTION_MATCH;
    return EXIT_DONE;
}
