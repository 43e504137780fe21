/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reject/test_reject.c - the runner: what must be refused is refused, for the right reason and at the right
 * place.
 *
 * reject.jsonl of the shared cases says why in its own words; gists.tsv says which codes mean that. own.cases
 * has our own, with code, span and hint.
 */
#include <arpa/inet.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weir/weir.h"

#define DIR         "tests/reject/"
#define DETAILS_MAX 10

static unsigned tests, failures;

static void result(bool ok, const char *name)
{
    tests++;
    failures += !ok;
    printf("%s %u - %s\n", ok ? "ok" : "not ok", tests, name);
}

/* ---- the shared name tables, as a resolver */

struct entry {
    char word[2][128];
};

struct names {
    struct entry *hosts, *ethers, *networks;
    size_t n_hosts, n_ethers, n_networks;
};

static struct entry *read_entries(const char *shared, const char *file, size_t *n)
{
    char path[1024], line[512];
    struct entry *list = NULL;
    FILE *f;

    *n = 0;
    snprintf(path, sizeof path, "%s/cases/%s", shared, file);
    if (!(f = fopen(path, "r")))
        return NULL;
    while (fgets(line, sizeof line, f)) {
        struct entry e;

        if (line[0] == '#' || sscanf(line, "%127s %127s", e.word[0], e.word[1]) != 2)
            continue;
        struct entry *grown = realloc(list, (*n + 1) * sizeof *list);
        if (!grown)
            break;
        list = grown;
        list[(*n)++] = e;
    }
    fclose(f);
    return list;
}

static enum weir_lookup host(void *user, const char *name, struct weir_address *out, size_t max,
                             size_t *count)
{
    const struct names *t = user;

    *count = 0;
    for (size_t i = 0; i < t->n_hosts; i++) {
        struct weir_address a = {0};

        if (strcasecmp(t->hosts[i].word[1], name) != 0)
            continue;
        a.family = strchr(t->hosts[i].word[0], ':') ? 6 : 4;
        if (inet_pton(a.family == 6 ? AF_INET6 : AF_INET, t->hosts[i].word[0], a.bytes) != 1)
            return WEIR_LOOKUP_FAILED;
        if (*count < max)
            out[*count] = a;
        (*count)++;
    }
    return *count ? WEIR_FOUND : WEIR_NOT_FOUND;
}

static enum weir_lookup network(void *user, const char *name, uint32_t *out)
{
    const struct names *t = user;
    struct in_addr a;

    for (size_t i = 0; i < t->n_networks; i++)
        if (strcasecmp(t->networks[i].word[0], name) == 0 &&
            inet_pton(AF_INET, t->networks[i].word[1], &a) == 1) {
            *out = ntohl(a.s_addr);
            return WEIR_FOUND;
        }
    return WEIR_NOT_FOUND;
}

static enum weir_lookup ether(void *user, const char *name, uint8_t out[6])
{
    const struct names *t = user;
    unsigned b[6];

    for (size_t i = 0; i < t->n_ethers; i++)
        if (strcasecmp(t->ethers[i].word[1], name) == 0 &&
            sscanf(t->ethers[i].word[0], "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) ==
                6) {
            for (unsigned k = 0; k < 6; k++)
                out[k] = (uint8_t)b[k];
            return WEIR_FOUND;
        }
    return WEIR_NOT_FOUND;
}

/* ---- one compile */

static int compile(struct weir *cx, const char *linktype, const char *filter, const struct weir_resolver *r)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    int64_t number = weir_linktype_by_name(linktype);

    if (number < 0)
        return WEIR_E_ARGUMENT;
    o.linktype = (uint32_t)number;
    o.resolver = r;
    int status = weir_compile(cx, filter, strlen(filter), &o, &p);
    if (status >= 0)
        weir_program_free(p);
    return status;
}

/* ---- reject.jsonl */

struct gist {
    char pattern[160], codes[80];
    unsigned cases, wrong;
};

static size_t read_gists(struct gist *g, size_t max)
{
    FILE *f = fopen(DIR "gists.tsv", "r");
    char line[512];
    size_t n = 0;

    while (f && n < max && fgets(line, sizeof line, f))
        if (line[0] != '#' && sscanf(line, "%159[^\t]\t%79[^\n]", g[n].pattern, g[n].codes) == 2)
            n++;
    if (f)
        fclose(f);
    return n;
}

static bool code_in(unsigned code, const char *codes)
{
    for (const char *p = codes; *p; p += strcspn(p, ",")) {
        unsigned lo, hi;

        p += *p == ',';
        int got = sscanf(p, "%u-%u", &lo, &hi);
        if (got >= 1 && code >= lo && code <= (got == 2 ? hi : lo))
            return true;
    }
    return false;
}

/* NULL when the case is refused as @g says; else what is wrong, in @buf. */
static const char *judge(struct weir *cx, const struct gist *g, const char *linktype, const char *filter,
                         const struct weir_resolver *r, char *buf, size_t size)
{
    int status = compile(cx, linktype, filter, r);
    const struct weir_diagnostic *d = weir_diagnostic(cx, 0);

    if (strcmp(g->codes, "never") == 0) {
        snprintf(buf, size, "status %d, not WEIR_NEVER", status);
        return status == WEIR_NEVER ? NULL : buf;
    }
    if (status != WEIR_E_FILTER || !d) {
        snprintf(buf, size, "status %d, %zu diagnostics", status, weir_diagnostic_count(cx));
        return buf;
    }
    if (d->severity != WEIR_ERROR || !code_in(d->code, g->codes)) {
        snprintf(buf, size, "E%04u %s, expected %s", d->code, d->message, g->codes);
        return buf;
    }
    if (d->begin > d->end || d->end > strlen(filter) || (d->begin == d->end && d->begin < strlen(filter)) ||
        d->also_begin > d->also_end || d->also_end > strlen(filter)) {
        snprintf(buf, size, "E%04u points at %u-%u", d->code, d->begin, d->end);
        return buf;
    }
    return NULL;
}

static void run_shared(struct weir *cx, const char *shared)
{
    static struct gist gists[128];
    size_t n = read_gists(gists, sizeof gists / sizeof gists[0]);
    struct names t = {0};
    struct weir_resolver r = {sizeof r, &t, host, network, ether, NULL, NULL};
    unsigned unmatched = 0;
    char path[1024], line[4096], buf[512];

    snprintf(path, sizeof path, "%s/cases/reject.jsonl", shared);
    FILE *f = fopen(path, "r");
    if (!f) {
        tests++;
        printf("ok %u - reject.jsonl # SKIP no %s\n", tests, path);
        return;
    }
    t.hosts = read_entries(shared, "hosts", &t.n_hosts);
    t.ethers = read_entries(shared, "ethers", &t.n_ethers);
    t.networks = read_entries(shared, "networks", &t.n_networks);
    while (fgets(line, sizeof line, f)) {
        json_t *j = json_loads(line, 0, NULL);
        const char *linktype = json_string_value(json_object_get(j, "linktype"));
        const char *filter = json_string_value(json_object_get(j, "filter"));
        const char *gist = json_string_value(json_object_get(j, "gist"));
        struct gist *g = NULL;

        for (size_t i = 0; gist && i < n && !g; i++)
            if (fnmatch(gists[i].pattern, gist, FNM_NOESCAPE) == 0)
                g = &gists[i];
        if (!g || !linktype || !filter) {
            printf("# no row of gists.tsv: %s\n", gist ? gist : line);
            unmatched++;
        } else {
            const char *wrong = judge(cx, g, linktype, filter, &r, buf, sizeof buf);

            g->cases++;
            if (wrong && g->wrong++ < DETAILS_MAX)
                printf("# %s: '%s': %s\n#   gist: %s\n", linktype, filter, wrong, gist);
        }
        json_decref(j);
    }
    fclose(f);
    for (size_t i = 0; i < n; i++) {
        snprintf(buf, sizeof buf, "%u of %u: %.160s", gists[i].cases - gists[i].wrong, gists[i].cases,
                 gists[i].pattern);
        result(gists[i].wrong == 0, buf);
    }
    result(unmatched == 0, "every gist has a row");
    free(t.hosts);
    free(t.ethers);
    free(t.networks);
}

/* ---- own.cases */

static void run_own(struct weir *cx)
{
    FILE *f = fopen(DIR "own.cases", "r");
    char line[512], last[256] = "";
    size_t at = 0;
    int status = 0;

    if (!f) {
        result(false, "own.cases");
        return;
    }
    while (fgets(line, sizeof line, f)) {
        char linktype[64], hint[16], filter[256], name[400];
        unsigned code, begin, end;

        if (line[0] == '#')
            continue;
        if (sscanf(line, "%63s %u %u-%u %15s\t%255[^\n]", linktype, &code, &begin, &end, hint, filter) != 6) {
            result(false, line);
            continue;
        }
        if (strcmp(filter, "\"") == 0) {
            at++;
        } else {
            if (*last && at + 1 < weir_diagnostic_count(cx)) {
                printf("# %s: more diagnostics than expected, %s\n", last,
                       weir_diagnostic(cx, at + 1)->message);
                result(false, last);
            }
            at = 0;
            status = compile(cx, linktype, filter, NULL);
            snprintf(last, sizeof last, "%s", filter);
        }
        const struct weir_diagnostic *d = weir_diagnostic(cx, at);
        bool ok = status == WEIR_E_FILTER && d && d->code == code && d->begin == begin && d->end == end &&
                  (d->hint != NULL) == (strcmp(hint, "hint") == 0);

        snprintf(name, sizeof name, "E%04u %s: %s", code, linktype, last);
        if (!ok && d)
            printf("# E%04u at %u-%u: %s; hint: %s\n", d->code, d->begin, d->end, d->message,
                   d->hint ? d->hint : "-");
        if (!ok && !d)
            printf("# status %d, no diagnostic\n", status);
        result(ok, name);
    }
    if (*last && at + 1 < weir_diagnostic_count(cx))
        result(false, last);
    fclose(f);
}

int main(void)
{
    const char *shared = getenv("WEIR_SHARED") ? getenv("WEIR_SHARED") : "../shared";
    struct weir *cx;

    if (weir_new(NULL, &cx) != WEIR_OK)
        return 1;
    run_shared(cx, shared);
    run_own(cx);
    weir_free(cx);
    printf("1..%u\n", tests);
    return failures != 0;
}
