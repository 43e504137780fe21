/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/dropin/send_frame.c - sends one frame, given in hexadecimal digits, on an interface. */
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = argc > 1 ? (int)if_nametoindex(argv[1]) : 0};
    unsigned char frame[1514];
    size_t n = 0;
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    for (const char *at = argc > 2 ? argv[2] : ""; n < sizeof frame && sscanf(at, "%2hhx", &frame[n]) == 1;
         at += 2)
        n++;
    return fd < 0 || sendto(fd, frame, n, 0, (struct sockaddr *)&to, sizeof to) != (ssize_t)n;
}
