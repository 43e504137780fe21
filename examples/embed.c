/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/embed.c - a filter in a program: compile it, say what is wrong with it, match a packet. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

/* Ethernet, IPv4 192.0.2.1 to 192.0.2.2, TCP to port 80 with SYN. */
static const uint8_t packet[] = {
    0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00,
    0x45, 0x00, 0x00, 0x28, 0x00, 0x01, 0x40, 0x00, 0x40, 0x06, 0xb6, 0xcb, 0xc0, 0x00,
    0x02, 0x01, 0xc0, 0x00, 0x02, 0x02, 0xc3, 0x50, 0x00, 0x50, 0x00, 0x00, 0x00, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x50, 0x02, 0xfa, 0xf0, 0x00, 0x00, 0x00, 0x00,
};

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "tcp dst port 80 and tcp[tcpflags] & tcp-syn != 0";
    struct weir_options options = WEIR_OPTIONS_INIT; /* Ethernet, classic BPF, optimized */
    struct weir_program *program;
    const struct weir_diagnostic *d;
    struct weir *weir;
    int status = weir_new(NULL, &weir);

    if (status < 0) {
        fprintf(stderr, "%s\n", weir_strerror(status));
        return 1;
    }
    status = weir_compile(weir, text, strlen(text), &options, &program);
    for (size_t i = 0; (d = weir_diagnostic(weir, i)) != NULL; i++)
        fprintf(stderr, "E%04u at byte %u: %s\n", (unsigned)d->code, (unsigned)d->begin, d->message);
    if (status >= 0) {
        puts(weir_match(program, packet, sizeof packet, sizeof packet, NULL) ? "match" : "no match");
        weir_program_free(program);
    }
    weir_free(weir);
    return status < 0;
}
