/* SPDX-License-Identifier: BSD-2-Clause */
/* dropin/error.c - libpcap's functions that tell a handle's error, and where a long one is kept. */
#include "dropin/error.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dropin/libpcap.h"
#include "weir/weir.h"

/* A handle that has had a long error. It has one of these for the rest of its life, so what pcap_geterr()
 * gave stays readable. */
struct long_error {
    struct long_error *next;
    const pcap_t *handle;
    char text[ERROR_BYTES];
};

static struct long_error *all; /* few: most errors are short */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;

void (*libpcap_own(const char *name))(void)
{
    void (*function)(void);

    *(void **)&function = dlsym(RTLD_NEXT, name);
    return function;
}

/* The link that leads to the handle's error, or to NULL at the end. Under the lock. */
static struct long_error **find(const pcap_t *p)
{
    struct long_error **link = &all;

    while (*link && (*link)->handle != p)
        link = &(*link)->next;
    return link;
}

static struct long_error *find_or_add(const pcap_t *p)
{
    pthread_mutex_lock(&all_lock);
    struct long_error **link = find(p), *e = *link;
    if (!e && (e = malloc(sizeof *e)) != NULL) {
        *e = (struct long_error){.handle = p};
        *link = e;
    }
    pthread_mutex_unlock(&all_lock);
    return e;
}

static void forget(const pcap_t *p)
{
    pthread_mutex_lock(&all_lock);
    struct long_error **link = find(p), *e = *link;
    if (e)
        *link = e->next;
    pthread_mutex_unlock(&all_lock);
    free(e);
}

void error_set(pcap_t *p, const char *text)
{
    struct long_error *e = strlen(text) < PCAP_ERRBUF_SIZE ? NULL : find_or_add(p);

    if (e)
        snprintf(e->text, sizeof e->text, "%s", text);
    /* The handle's own buffer; libpcap gives its address away and has kept its size since 1.0. */
    snprintf(LIBPCAP(pcap_geterr)(p), PCAP_ERRBUF_SIZE, "%s", text);
}

/* Is @cut the beginning of @text, as much as fits into a handle? */
static bool is_cut_from(const char *cut, const char *text)
{
    return strlen(cut) == PCAP_ERRBUF_SIZE - 1 && memcmp(cut, text, PCAP_ERRBUF_SIZE - 1) == 0;
}

WEIR_API char *pcap_geterr(pcap_t *p)
{
    char *text = LIBPCAP(pcap_geterr)(p);

    pthread_mutex_lock(&all_lock);
    struct long_error *e = *find(p);
    pthread_mutex_unlock(&all_lock);
    return e && is_cut_from(text, e->text) ? e->text : text;
}

WEIR_API void pcap_perror(pcap_t *p, const char *prefix)
{
    fprintf(stderr, "%s: %s\n", prefix, pcap_geterr(p));
}

WEIR_API void pcap_close(pcap_t *p)
{
    forget(p);
    LIBPCAP(pcap_close)(p);
}
