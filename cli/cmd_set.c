/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/cmd_set.c - weir set: named sets of attached programs: adding, deleting and listing members. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attached.h"
#include "commands.h"
#include "members.h"
#include "say.h"

struct set {
    bool json, lenient, add;
    const char *name; /* NULL: list all sets */
    const char *file; /* of -F */
    char **word;      /* members */
    int words;
};

static const char *kind_name(uint32_t kind)
{
    return kind == WEIR_BPF_SET_ADDRESSES ? "addresses" : kind == WEIR_BPF_SET_PORTS ? "ports" : "macs";
}

/* ---------------------------------------------------------------- changing */

static int change(const struct set *s, struct weir_bpf_set *set)
{
    uint32_t kind = weir_bpf_set_kind(set);
    struct weir_bpf_error e;
    struct members m = {0};
    int status = EXIT_DONE;

    for (int i = 0; i < s->words && !status; i++)
        status = members_add_word(&m, s->json, kind, s->word[i]);
    if (!status && s->file)
        status = members_add_file(&m, s->json, kind, s->file);
    attached_hold_signals(true); /* all of it or nothing; when it is done, a signal comes too late */
    if (!status &&
        (s->add ? weir_bpf_set_add : weir_bpf_set_remove)(set, m.at, m.n, s->lenient, NULL, &e) < 0)
        status = attached_say(s->json, &e);
    if (status)
        attached_hold_signals(false);
    members_free(&m);
    return status;
}

/* ---------------------------------------------------------------- listing */

static int collect(void *user, const struct weir_bpf_member *m)
{
    struct members *all = user;

    if (all->n == all->cap) {
        size_t cap = all->cap ? 2 * all->cap : 1024;
        struct weir_bpf_member *more = realloc(all->at, cap * sizeof *more);
        if (!more)
            return 1;
        all->at = more;
        all->cap = cap;
    }
    all->at[all->n++] = *m;
    return 0;
}

/* IPv4 first, then by number, wider prefixes first. */
static int in_order(const void *x, const void *y)
{
    const struct weir_bpf_member *a = x, *b = y;
    int bytes = memcmp(a->bytes, b->bytes, sizeof a->bytes);

    return a->family != b->family ? (a->family < b->family ? -1 : 1)
           : bytes                ? bytes
                                  : (a->bits > b->bits) - (a->bits < b->bits);
}

static int list_members(const struct set *s, struct weir_bpf_set *set)
{
    uint32_t kind = weir_bpf_set_kind(set);
    char text[WEIR_BPF_MEMBER_TEXT];
    struct weir_bpf_error e;
    struct members m = {0};
    int status = EXIT_DONE;
    int r = weir_bpf_set_each(set, collect, &m, &e);
    if (r)
        status = r < 0 ? attached_say(s->json, &e) : say_failed(s->json, "out of memory");
    if (m.n)
        qsort(m.at, m.n, sizeof *m.at, in_order);
    if (!status && s->json)
        printf("{\"set\": \"%s\", \"kind\": \"%s\", \"members\": [", s->name, kind_name(kind));
    for (size_t i = 0; i < m.n && !status; i++) {
        if (i && memcmp(&m.at[i], &m.at[i - 1], sizeof *m.at) == 0)
            continue; /* met twice, since the set was changed meanwhile */
        weir_bpf_member_text(kind, &m.at[i], text);
        if (s->json)
            printf(kind == WEIR_BPF_SET_PORTS ? "%s%s" : "%s\"%s\"", i ? ", " : "", text);
        else
            puts(text);
    }
    if (!status && s->json)
        fputs("]}\n", stdout);
    members_free(&m);
    return status;
}

static int print_set(void *user, const struct weir_bpf_set_info *i)
{
    const struct set *s = user;

    if (s->json)
        printf("{\"set\": \"%s\", \"kind\": \"%s\", \"members\": %" PRIu32 ", \"most\": %" PRIu32
               ", \"programs\": %" PRIu32 "}\n",
               i->name, kind_name(i->kind), i->members, i->most, i->programs);
    else
        printf("%s  %s, %" PRIu32 " of at most %" PRIu32 ", in %" PRIu32 " program%s\n", i->name,
               kind_name(i->kind), i->members, i->most, i->programs, i->programs == 1 ? "" : "s");
    return 0;
}

static int list_sets(struct set *s)
{
    struct weir_bpf_error e;

    return weir_bpf_set_list(print_set, s, &e) < 0 ? attached_say(s->json, &e) : EXIT_DONE;
}

/* What @run makes of the set that is asked for. */
static int with_set(const struct set *s, int run(const struct set *, struct weir_bpf_set *))
{
    struct weir_bpf_set *set;
    struct weir_bpf_error e;

    if (weir_bpf_set_open(s->name, &set, &e) < 0)
        return attached_say(s->json, &e);
    int status = run(s, set);
    weir_bpf_set_close(set);
    return status;
}

/* ---------------------------------------------------------------- the words */

static int usage(void)
{
    return say_usage("set add|del NAME [-F FILE] [MEMBER...], or set list [NAME]");
}

/* Options out of @argv; what is left of it are names and members. */
static int parse(int argc, char **argv, struct set *s)
{
    int rest = 2;

    for (int i = 2; i < argc; i++) {
        char *a = argv[i];
        if (!strcmp(a, "--json"))
            s->json = true;
        else if (!strcmp(a, "--exist"))
            s->lenient = true;
        else if (!strcmp(a, "-F") && i + 1 < argc && !s->file)
            s->file = argv[++i];
        else if (a[0] == '-')
            return say_usage("set: unknown option %s, or its value is missing", a);
        else
            argv[rest++] = a;
    }
    s->name = rest > 2 ? argv[2][0] == '@' ? argv[2] + 1 : argv[2] : NULL;
    s->word = argv + 3;
    s->words = rest > 3 ? rest - 3 : 0;
    return EXIT_DONE;
}

int cmd_set(int argc, char **argv)
{
    struct set s = {0};
    int status = argc < 2 ? usage() : parse(argc, argv, &s);

    if (status)
        return status;
    s.add = !strcmp(argv[1], "add");
    if (!strcmp(argv[1], "list"))
        return s.words || s.file || s.lenient ? usage() : s.name ? with_set(&s, list_members) : list_sets(&s);
    if (!s.add && strcmp(argv[1], "del") != 0)
        return say_usage("set: unknown action '%s': add, del or list", argv[1]);
    return s.name && (s.words || s.file) ? with_set(&s, change) : usage();
}
