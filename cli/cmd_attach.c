/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/cmd_attach.c - weir attach: a filter that counts, or acts on, the packets of an interface. */
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "actions.h"
#include "attached.h"
#include "commands.h"
#include "compile.h"
#include "members.h"
#include "say.h"

#define NO_LINKTYPE (-1)
#define SETS_MAX    60 /* --set */

/* --set NAME=FILE */
struct initial {
    char name[16];
    const char *file;
    struct members m;
    uint8_t *added; /* beside m: it was no member before */
};

struct attach {
    struct weir_bpf_place place;
    bool tc, ingress, egress;
    int rest; /* words left for the options of a filter */
    struct initial initial[SETS_MAX];
    int initials;
};

static int parse_mode(const char *text, uint32_t *mode)
{
    if (!strcmp(text, "auto"))
        *mode = WEIR_BPF_AUTO;
    else if (!strcmp(text, "native"))
        *mode = WEIR_BPF_NATIVE;
    else if (!strcmp(text, "generic"))
        *mode = WEIR_BPF_GENERIC;
    else
        return say_usage("--mode is 'native', 'generic' or 'auto', not '%s'", text);
    return EXIT_DONE;
}

static int parse_set(const char *text, struct attach *a)
{
    struct initial *i = &a->initial[a->initials];
    const char *name = *text == '@' ? text + 1 : text, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : 0;

    if (!len || len >= sizeof i->name || !equals[1])
        return say_usage("--set takes NAME=FILE, not '%s'", text);
    if (a->initials == SETS_MAX)
        return say_usage("--set is there more than %d times", SETS_MAX);
    memcpy(i->name, name, len);
    i->name[len] = '\0';
    i->file = equals + 1;
    a->initials++;
    return EXIT_DONE;
}

/* The value of option @name at argv[*i], which may follow it or a '='; NULL when argv[*i] is another word. */
static const char *value_of(const char *name, int argc, char **argv, int *i, bool *missing)
{
    size_t len = strlen(name);

    if (strncmp(argv[*i], name, len) != 0)
        return NULL;
    if (argv[*i][len] == '=')
        return argv[*i] + len + 1;
    if (argv[*i][len])
        return NULL;
    if (*i + 1 < argc)
        return argv[++*i];
    *missing = true;
    return NULL;
}

/* Takes what is ours out of @argv and leaves the rest at its beginning. */
static int take_options(int argc, char **argv, struct attach *a)
{
    bool missing = false, ours = true;
    int status = EXIT_DONE;

    a->rest = 1;
    for (int i = 1; i < argc && !status; i++) {
        char *word = argv[i];
        const char *value;
        if (!strcmp(word, "--"))
            ours = false;
        if (ours && !strcmp(word, "--ingress"))
            a->ingress = true;
        else if (ours && !strcmp(word, "--egress"))
            a->egress = true;
        else if (ours && !strcmp(word, "--replace"))
            a->place.replace = 1;
        else if (ours && (value = value_of("--mode", argc, argv, &i, &missing)))
            status = parse_mode(value, &a->place.mode);
        else if (ours && !missing && (value = value_of("--pin", argc, argv, &i, &missing)))
            a->place.pin = value;
        else if (ours && !missing && (value = value_of("--set", argc, argv, &i, &missing)))
            status = parse_set(value, a);
        else if (missing)
            return say_usage("%s needs a value", word);
        else
            argv[a->rest++] = word;
    }
    argv[a->rest] = NULL;
    return status;
}

/* The hook and the interface, the first two words. */
static int take_place(char **argv, struct attach *a)
{
    if (a->rest < 3 || argv[1][0] == '-' || argv[2][0] == '-')
        return say_usage("attach xdp|tc IFACE [OPTION...] [EXPRESSION...]");
    a->tc = !strcmp(argv[1], "tc");
    if (!a->tc && strcmp(argv[1], "xdp") != 0)
        return say_usage("unknown hook '%s': xdp or tc", argv[1]);
    if (!a->tc && (a->ingress || a->egress))
        return say_usage("--ingress and --egress are for tc; XDP sees what arrives");
    if (a->ingress && a->egress)
        return say_usage("--ingress and --egress exclude each other");
    if (a->tc && (a->place.mode || a->place.replace))
        return say_usage("%s is for xdp", a->place.mode ? "--mode" : "--replace");
    a->place.interface = argv[2];
    a->place.hook = !a->tc ? WEIR_BPF_XDP : a->egress ? WEIR_BPF_TC_EGRESS : WEIR_BPF_TC_INGRESS;
    return EXIT_DONE;
}

static int64_t linktype_of(int hardware)
{
    switch (hardware) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
        return weir_linktype_by_name("EN10MB");
    case ARPHRD_NONE:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_PPP:
    case ARPHRD_RAWIP:
        return weir_linktype_by_name("RAW"); /* the hooks begin at IP there */
    default:
        return NO_LINKTYPE;
    }
}

/* What the packets of the interface are. */
static int describe(const struct options *o, const char *name, struct weir_options *wo)
{
    struct ifreq r = {0};
    int64_t linktype = NO_LINKTYPE;

    if (!if_nametoindex(name) || strlen(name) >= sizeof r.ifr_name)
        return say_failed(o->json, "no interface is called '%s'", name);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(r.ifr_name, name, strlen(name));
    if (s >= 0 && ioctl(s, SIOCGIFHWADDR, &r) == 0)
        linktype = linktype_of(r.ifr_hwaddr.sa_family);
    if (s >= 0 && ioctl(s, SIOCGIFNETMASK, &r) == 0) {
        struct sockaddr_in mask;
        memcpy(&mask, &r.ifr_netmask, sizeof mask);
        wo->netmask = ntohl(mask.sin_addr.s_addr);
    }
    if (s >= 0)
        close(s);
    if (linktype < 0 && o->linktype < 0)
        return say_failed(o->json, "the packets of %s are of no kind weir knows; say which with -y", name);
    if (linktype >= 0)
        wo->linktype = (uint32_t)linktype;
    return EXIT_DONE;
}

/* Reads the files of --set, now that the kinds of the sets are known. */
static int read_sets(const struct options *o, const struct weir_program *p, struct attach *a)
{
    int status = EXIT_DONE;

    for (int i = 0; i < a->initials && !status; i++) {
        struct weir_set set = {.size = sizeof set};
        size_t k = 0;
        while (weir_program_set(p, k, &set) == WEIR_OK && strcmp(set.name, a->initial[i].name) != 0)
            k++;
        if (weir_program_set(p, k, &set) != WEIR_OK)
            status = say_failed(o->json, "the filter has no set '@%s'", a->initial[i].name);
        else
            status = members_add_file(&a->initial[i].m, o->json, set.kind, a->initial[i].file);
        a->initial[i].added = calloc(a->initial[i].m.n + 1, 1);
        if (!status && !a->initial[i].added)
            status = say_failed(o->json, "out of memory");
    }
    return status;
}

/* Adds what --set lists to the sets of @program: to those it has alone, or to those it shares. */
static int fill_sets(const struct weir_bpf *program, struct attach *a, bool shared, struct weir_bpf_error *e)
{
    int err = 0;

    for (int i = 0; i < a->initials && err == 0; i++) {
        struct initial *in = &a->initial[i];
        struct weir_bpf_set *set;
        err = weir_bpf_set_of(program, in->name, &set, e);
        if (err < 0)
            return err;
        if (weir_bpf_set_is_shared(set) == shared)
            err = weir_bpf_set_add(set, in->m.at, in->m.n, 1, in->added, e);
        weir_bpf_set_close(set);
    }
    return err;
}

/* Takes out of the sets that @program shares what it has added to them. */
static void empty_sets(const struct weir_bpf *program, const struct attach *a)
{
    for (int i = 0; i < a->initials; i++) {
        const struct initial *in = &a->initial[i];
        struct weir_bpf_set *set;
        if (weir_bpf_set_of(program, in->name, &set, NULL) < 0)
            continue;
        for (size_t k = 0; weir_bpf_set_is_shared(set) && k < in->m.n; k++)
            if (in->added[k])
                weir_bpf_set_remove(set, &in->m.at[k], 1, 1, NULL, NULL);
        weir_bpf_set_close(set);
    }
}

static int detach_again(void *user, const struct weir_bpf_attached *a)
{
    const uint32_t *program = user;

    return a->program == *program ? (weir_bpf_detach(a, NULL), 1) : 0;
}

static int attach_object(const struct options *o, struct attach *a, const void *object, size_t len)
{
    struct weir_bpf *program = NULL;
    struct weir_bpf_error e;
    uint32_t mode = 0;

    if (weir_bpf_load(object, len, &program, &e) < 0)
        return attached_say(o->json, &e);
    if (fill_sets(program, a, false, &e) < 0) {
        weir_bpf_close(program);
        return attached_say(o->json, &e);
    }
    attached_hold_signals(
        true); /* and for good when it is done: a signal that comes too late changes nothing */
    uint32_t id = weir_bpf_id(program);
    int err = fill_sets(program, a, true, &e);
    if (err == 0)
        err = weir_bpf_attach(program, &a->place, &mode, &e);
    bool undo = err == 0 && attached_signal_waits();
    if (undo || err < 0)
        empty_sets(program, a);
    weir_bpf_close(program);
    if (undo)
        weir_bpf_list(detach_again, &id, NULL);
    if (undo || err < 0)
        attached_hold_signals(false); /* the signal that waited ends us here */
    if (err < 0)
        return attached_say(o->json, &e);
    if (o->json) {
        fputs("{\"interface\": ", stdout);
        say_json_string(stdout, a->place.interface);
        printf(", \"hook\": \"%s\", \"program\": %u",
               !a->tc      ? "xdp"
               : a->egress ? "tc-egress"
                           : "tc-ingress",
               id);
        if (!a->tc)
            printf(", \"mode\": \"%s\"", attached_mode_name(mode));
        fputs("}\n", stdout);
    } else {
        printf("%s %s%s%s: program %u\n", a->place.interface, attached_hook_name(a->place.hook),
               mode ? " " : "", attached_mode_name(mode), id);
    }
    return EXIT_DONE;
}

static int check(const struct options *o, bool tc)
{
    if (o->input || o->interface)
        return say_usage("%s does not go with attach, which names its interface itself",
                         o->input ? "-r" : "-i");
    if (o->action != ACTION_COMPILE || o->listing || o->dump_ir || o->program_file || o->emit || o->cost ||
        o->inputs)
        return say_usage("attach prints no program: use -t and -d for that");
    if (o->target != WEIR_TARGET_CBPF)
        return say_usage("-t does not go with attach, whose first word is the target");
    if (tc && o->frags)
        return say_usage("--frags is for xdp");
    if (o->direct)
        return say_usage("--direct is for socket");
    return o->linked || o->no_counters
               ? say_usage("%s is for objects (-o)", o->linked ? "--linked" : "--no-counters")
               : EXIT_DONE;
}

int cmd_attach(int argc, char **argv)
{
    struct attach a = {.place = {.size = sizeof a.place}};
    struct weir_options wo = WEIR_OPTIONS_INIT;
    struct weir_object_options oo = {.size = sizeof oo};
    struct weir_program *p = NULL;
    struct options o;
    char *object = NULL;
    size_t len = 0;
    int status = take_options(argc, argv, &a);

    if (!status)
        status = take_place(argv, &a);
    if (status)
        return status;
    argv[2] = argv[0];
    status = options_parse(a.rest - 2, argv + 2, &o);
    if (status)
        return status;
    if (o.action == ACTION_HELP) {
        options_help();
        return EXIT_DONE;
    }
    status = check(&o, a.tc);
    if (status)
        return status;
    wo.target = o.target = a.tc ? WEIR_TARGET_TC : WEIR_TARGET_XDP;
    wo.live = a.tc;
    wo.hook = a.egress ? WEIR_HOOK_EGRESS : WEIR_HOOK_INGRESS;
    wo.count = 1;
    wo.tables = !o.no_maps;
    wo.frags = o.frags;
    status = describe(&o, a.place.interface, &wo);
    if (!status)
        status = actions_set(&o, true, &wo);
    if (!status)
        status = compile_filter(&o, wo, &p);
    if (status)
        return status;
    oo.name = o.function;
    status = read_sets(&o, p, &a);
    int err = status ? 0 : weir_program_object(p, &oo, &object, &len);
    if (status)
        ; /* said */
    else if (err == WEIR_E_ARGUMENT)
        status = say_usage("'%s' cannot be the name of a function", o.function);
    else if (err < 0)
        status = say_failed(o.json, "%s", weir_strerror(err));
    else
        status = attach_object(&o, &a, object, len);
    for (int i = 0; i < a.initials; i++) {
        members_free(&a.initial[i].m);
        free(a.initial[i].added);
    }
    weir_text_free(p, object);
    weir_program_free(p);
    return status;
}
