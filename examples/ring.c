/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * examples/ring.c - a capture loop: weir's program in the kernel, packets from an AF_PACKET ring.
 *
 *   ring INTERFACE COUNT [EXPRESSION]
 *
 * Prints one line for each of the first COUNT packets that match. Needs CAP_NET_RAW.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/weir.h>

#define BLOCK_BYTES 65536u
#define BLOCKS      16u

/* Compiles @text for live Ethernet and attaches it to @fd. The program of one socket may be freed at once. */
static int attach(int fd, const char *text)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_program *program;
    struct weir *weir;
    int status = weir_new(NULL, &weir);

    if (status < 0)
        return -1;
    options.live = 1; /* the kernel takes VLAN tags out of the packet: look for them in its metadata */
    status = weir_compile(weir, text, strlen(text), &options, &program);
    if (weir_diagnostic_count(weir))
        fprintf(stderr, "%s\n", weir_diagnostic(weir, 0)->message);
    weir_free(weir);
    if (status < 0)
        return -1;

    const char *refusal = weir_program_kernel_refusal(program);
    size_t count;
    const struct weir_cbpf_insn *insns = weir_program_cbpf(program, &count);
    struct sock_fprog fprog = {.len = (unsigned short)count,
                               .filter = (struct sock_filter *)(uintptr_t)insns};
    if (refusal)
        fprintf(stderr, "the kernel would refuse this program: %s\n", refusal);
    status = refusal ? -1 : setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &fprog, sizeof fprog);
    if (status < 0 && !refusal)
        perror("SO_ATTACH_FILTER");
    weir_program_free(program);
    return status;
}

static uint8_t *open_ring(int fd, const char *interface)
{
    struct tpacket_req3 ring = {.tp_block_size = BLOCK_BYTES,
                                .tp_block_nr = BLOCKS,
                                .tp_frame_size = 2048,
                                .tp_frame_nr = BLOCK_BYTES / 2048 * BLOCKS,
                                .tp_retire_blk_tov = 50};
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(interface)};
    int version = TPACKET_V3;
    void *map;

    if (!to.sll_ifindex || setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) < 0)
        return NULL;
    map = mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED || bind(fd, (struct sockaddr *)&to, sizeof to) < 0)
        return NULL;
    return map;
}

/* Prints the packets of one block, at most @left; returns how many. */
static unsigned print_block(const struct tpacket_block_desc *block, unsigned left)
{
    const uint8_t *at = (const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
    unsigned printed = 0;

    for (uint32_t i = 0; i < block->hdr.bh1.num_pkts && printed < left; i++) {
        const struct tpacket3_hdr *packet = (const void *)at;

        printf("%u bytes on the wire, %u captured\n", packet->tp_len, packet->tp_snaplen);
        printed++;
        at += packet->tp_next_offset;
    }
    return printed;
}

int main(int argc, char **argv)
{
    unsigned left = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    int fd = argc > 2 ? socket(AF_PACKET, SOCK_RAW, 0) : -1; /* protocol 0: nothing arrives before bind() */

    if (fd < 0) {
        argc > 2 ? perror("socket") : (void)fprintf(stderr, "usage: ring INTERFACE COUNT [EXPRESSION]\n");
        return 1;
    }
    if (attach(fd, argc > 3 ? argv[3] : "") < 0)
        return 1;

    uint8_t *ring = open_ring(fd, argv[1]);
    if (!ring) {
        perror(argv[1]);
        return 1;
    }
    fprintf(stderr, "listening\n");
    for (unsigned next = 0; left; next = (next + 1) % BLOCKS) {
        struct tpacket_block_desc *block = (void *)(ring + (size_t)next * BLOCK_BYTES);
        struct pollfd wait = {.fd = fd, .events = POLLIN | POLLERR};

        while (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
            poll(&wait, 1, -1);
        left -= print_block(block, left);
        fflush(stdout);
        __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    }
    munmap(ring, (size_t)BLOCK_BYTES * BLOCKS);
    close(fd);
    return 0;
}
