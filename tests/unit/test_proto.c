/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/unit/test_proto.c - the tables of compiler/proto against each other and the installed libpcap. */
#include "proto/linktype.h"
#include "proto/names.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>
#include <pcap/pcap.h>

static void test_counts_and_order(void **state)
{
    unsigned all = 0, protocols = 0, special = 0, raw = 0, named = 0;
    const struct linktype *lt;
    int64_t last = -1;

    (void)state;
    for (size_t i = 0; (lt = linktype_at(i)); i++) {
        assert_true(lt->number > last);
        last = lt->number;
        assert_ptr_equal(linktype_by_number(lt->number), lt);
        assert_non_null(lt->description);
        all++;
        named += lt->name != NULL;
        protocols += linktype_has_protocols(lt) != 0;
        special += lt->method == METHOD_NONE;
        raw += lt->method == METHOD_RAW_ONLY;
    }
    assert_int_equal(all, 221);
    assert_int_equal(protocols, 63);
    assert_int_equal(special, 4);
    assert_int_equal(raw, 154);
    assert_int_equal(named, 188);
}

/* Accepted numbers are 0-12, 15, 16, 19, 32, 50, 51, 99 and everything from 104 to 304. */
static void test_accepted_numbers(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 70000; n++) {
        bool expected = n <= 12 || n == 15 || n == 16 || n == 19 || n == 32 || n == 50 || n == 51 ||
                        n == 99 || (n >= 104 && n <= 304);
        const struct linktype *lt = linktype_by_number(n);

        if ((lt != NULL) != expected || (lt && lt->number != n))
            fail_msg("link type %u: %s", n, lt ? "has a row" : "has none");
    }
    assert_null(linktype_by_number(UINT32_MAX));
}

static void test_names_round_trip(void **state)
{
    const struct linktype *lt;
    char other[64];

    (void)state;
    for (size_t i = 0; (lt = linktype_at(i)); i++) {
        if (!lt->name)
            continue;
        assert_ptr_equal(linktype_by_name(lt->name), lt);
        for (size_t k = 0; k <= strlen(lt->name); k++)
            other[k] =
                lt->name[k] >= 'A' && lt->name[k] <= 'Z' ? (char)(lt->name[k] + 'a' - 'A') : lt->name[k];
        assert_ptr_equal(linktype_by_name(other), lt);
    }
    assert_null(linktype_by_name(""));
    assert_null(linktype_by_name("EN10M"));
    assert_null(linktype_by_name("EN10MBS"));
    assert_null(linktype_by_name("DLT_EN10MB"));
}

/* Whatever name the installed libpcap has for an accepted number is ours too. */
static void test_names_of_libpcap(void **state)
{
    unsigned compared = 0;

    (void)state;
    for (int n = 0; n < 400; n++) {
        const char *theirs = pcap_datalink_val_to_name(n);
        const struct linktype *lt = linktype_by_number((uint32_t)n);

        if (!theirs || n == 209) /* I2C_LINUX was IPMB_LINUX before libpcap 1.11 */
            continue;
        if (!lt)
            fail_msg("%d (%s) has no row", n, theirs);
        if (!lt->name || strcasecmp(lt->name, theirs))
            fail_msg("%d is %s, libpcap calls it %s", n, lt->name ? lt->name : "(nameless)", theirs);
        assert_int_equal(pcap_datalink_name_to_val(lt->name), n);
        compared++;
    }
    assert_true(compared > 150);
}

/* LINKTYPE numbers: what libpcap writes into the header of a savefile for each of our DLT numbers. */
static void test_file_numbers(void **state)
{
    const struct linktype *lt;

    (void)state;
    for (size_t i = 0; (lt = linktype_at(i)); i++) {
        unsigned char header[24];
        char *bytes = NULL;
        size_t len = 0;
        FILE *f;
        pcap_t *p = pcap_open_dead(lt->number, 65535);
        pcap_dumper_t *d;

        assert_non_null(p);
        f = open_memstream(&bytes, &len);
        assert_non_null(f);
        d = pcap_dump_fopen(p, f);
        if (d) { /* an older libpcap cannot write the newest types */
            uint32_t word;

            pcap_dump_flush(d);
            assert_true(len >= sizeof header);
            memcpy(header, bytes, sizeof header);
            memcpy(&word, header + 20, sizeof word);
            if (word != lt->file_number)
                fail_msg("DLT %u is LINKTYPE %u, libpcap writes %u", lt->number, lt->file_number, word);
            pcap_dump_close(d);
        } else {
            fclose(f);
        }
        free(bytes);
        pcap_close(p);
    }
}

/* Columns that must agree with each other. */
static void test_rows_are_consistent(void **state)
{
    const struct linktype *lt;
    unsigned wlan = 0, direction = 0, mac48 = 0;

    (void)state;
    for (size_t i = 0; (lt = linktype_at(i)); i++) {
        bool has_llc_reach = lt->capabilities & LINK_LLC;

        assert_int_equal(lt->method == METHOD_WLAN, lt->address == ADDRESS_WLAN);
        assert_int_equal(lt->method == METHOD_WLAN, !!(lt->capabilities & LINK_WLAN));
        if (lt->address == ADDRESS_MAC48 || lt->address == ADDRESS_WLAN)
            assert_int_equal(lt->capabilities & (LINK_BROADCAST | LINK_MULTICAST),
                             LINK_BROADCAST | LINK_MULTICAST);
        if (lt->address == ADDRESS_NONE)
            assert_int_equal(lt->capabilities & (LINK_BROADCAST | LINK_MULTICAST), 0);
        if (has_llc_reach)
            assert_int_equal(lt->ns, 3);
        if (lt->method == METHOD_RAW_ONLY)
            assert_int_equal(lt->capabilities, 0);
        if (lt->prefix != PREFIX_NONE && lt->prefix != PREFIX_PFLOG)
            assert_int_equal(lt->method, METHOD_WLAN);
        assert_true(lt->direction.width <= 2);
        wlan += lt->method == METHOD_WLAN;
        direction += lt->direction.width != 0;
        mac48 += lt->address == ADDRESS_MAC48;
    }
    assert_int_equal(wlan, 5);
    assert_int_equal(mac48, 8);
    assert_int_equal(direction, 7 - 1 + 22 + 2); /* SLIP PPP_PPPD IPNET SLL SLL2 PFLOG, Juniper, two DSA */
}

static void test_layouts(void **state)
{
    const struct linktype *lt;

    (void)state;
    lt = linktype_by_name("en10mb");
    assert_int_equal(lt->number, 1);
    assert_int_equal(lt->type, 12);
    assert_int_equal(lt->payload, 14);
    assert_int_equal(lt->src_offset, 6);
    lt = linktype_by_name("slip");
    assert_int_equal(lt->method, METHOD_IP_VERSION);
    assert_int_equal(lt->payload + lt->nl, 16);
    lt = linktype_by_name("FRELAY");
    assert_int_equal(lt->payload + lt->nl, 4);
    assert_int_equal(lt->payload + lt->ns, 3);
    lt = linktype_by_name("LINUX_SLL2");
    assert_int_equal(lt->method, METHOD_SLL1);
    assert_int_equal(lt->type, 0);
    assert_int_equal(lt->payload, 20);
    assert_int_equal(lt->ns, 3);
    lt = linktype_by_name("JUNIPER_ES");
    assert_int_equal(lt->payload, OFFSET_UNSET);
    lt = linktype_by_name("JUNIPER_ETHER");
    assert_int_equal(lt->payload + lt->nl, 32);
    lt = linktype_by_name("NETANALYZER_TRANSPARENT");
    assert_int_equal(lt->link, 12);
    lt = linktype_by_name("ERF");
    assert_int_equal(lt->ss7_offset, 20);
    assert_null(linktype_by_number(112)->name);
    assert_int_equal(linktype_by_number(112)->method, METHOD_CHDLC);
}

static void test_protocol_names(void **state)
{
    uint32_t value = 0;
    uint8_t byte = 0;
    uint16_t port = 0;

    (void)state;
    assert_true(name_ethertype("ip6", &value));
    assert_int_equal(value, ETHERTYPE_IPV6);
    assert_true(name_ethertype("netbeui", &value));
    assert_int_equal(value, SAP_NETBEUI);
    assert_false(name_ethertype("IP", &value));
    assert_false(name_ethertype("vlan", &value));
    assert_true(name_isoproto("isis", &value));
    assert_int_equal(value, 0x83);
    assert_false(name_isoproto("is-is", &value));
    assert_true(name_ipproto("OSPFIGP", &byte));
    assert_int_equal(byte, 89);
    assert_true(name_ipproto("ipv6-icmp", &byte));
    assert_int_equal(byte, 58);
    assert_true(name_ipproto("IPv6-ICMP", &byte));
    assert_false(name_ipproto("Tcp", &byte));
    assert_false(name_ipproto("mptcp", &byte));
    assert_false(name_ipproto("carp", &byte));
    assert_true(name_service("http", "tcp", &port));
    assert_int_equal(port, 80);
    assert_false(name_service("http", "udp", &port));
    assert_true(name_service("domain", "udp", &port));
    assert_int_equal(port, 53);
    assert_true(name_service("www", "tcp", &port));
    assert_true(name_service("exec", "tcp", &port));
    assert_int_equal(port, 512);
    assert_true(name_service("Clearcase", "udp", &port));
    assert_true(name_service("zope-ftp", "tcp", &port));
    assert_false(name_service("http", "sctp", &port));
    assert_false(name_service("no-such-service", "tcp", &port));
}

/* Every service can be found by halving, that is, the rows are sorted. */
static void test_services_are_sorted(void **state)
{
    static const struct {
        const char *name;
        int32_t tcp, udp;
    } rows[] = {
#define SERVICE(name, tcp, udp) {name, tcp, udp},
#include "proto/service.def"
#undef SERVICE
    };
    size_t n = sizeof rows / sizeof rows[0];

    (void)state;
    assert_true(n > 300);
    for (size_t i = 0; i < n; i++) {
        uint16_t port = 0;

        if (i)
            assert_true(strcmp(rows[i - 1].name, rows[i].name) < 0);
        assert_true(rows[i].tcp >= 0 || rows[i].udp >= 0);
        assert_int_equal(name_service(rows[i].name, "tcp", &port), rows[i].tcp >= 0);
        if (rows[i].tcp >= 0)
            assert_int_equal(port, rows[i].tcp);
        assert_int_equal(name_service(rows[i].name, "udp", &port), rows[i].udp >= 0);
        if (rows[i].udp >= 0)
            assert_int_equal(port, rows[i].udp);
    }
}

/*
 * The constants of the other tables, checked through the installed libpcap: a filter on one name must compile
 * to the same program as the filter on our number. A name that it does not know is skipped.
 */
static void same_program(int dlt, const char *a, const char *b)
{
    struct bpf_program x, y;
    pcap_t *p = pcap_open_dead(dlt, 65535);

    assert_non_null(p);
    if (pcap_compile(p, &x, a, 1, 0) < 0) {
        if (!strstr(pcap_geterr(p), "unknown"))
            fail_msg("%s: %s", a, pcap_geterr(p));
        print_message("# not known to the installed libpcap: %s\n", a);
        pcap_close(p);
        return;
    }
    if (pcap_compile(p, &y, b, 1, 0) < 0)
        fail_msg("%s: %s", b, pcap_geterr(p));
    if (x.bf_len != y.bf_len || memcmp(x.bf_insns, y.bf_insns, x.bf_len * sizeof *x.bf_insns))
        fail_msg("'%s' and '%s' are different programs", a, b);
    pcap_freecode(&x);
    pcap_freecode(&y);
    pcap_close(p);
}

static void test_names_against_libpcap_programs(void **state)
{
    char a[128], b[128];
    uint8_t x, y;

    (void)state;
#define ETHERTYPE(name, value)                                                                               \
    snprintf(a, sizeof a, "ether proto \\%s", name);                                                         \
    snprintf(b, sizeof b, "ether proto 0x%x", (unsigned)value);                                              \
    same_program(1, a, b);
#include "proto/ethertype.def"
#undef ETHERTYPE
#define ISOPROTO(name, value)                                                                                \
    snprintf(a, sizeof a, "iso proto \\%s", name);                                                           \
    snprintf(b, sizeof b, "iso proto 0x%x", (unsigned)value);                                                \
    same_program(1, a, b);
#include "proto/isoproto.def"
#undef ISOPROTO
#define WLAN_TYPE(name, bits)                                                                                \
    assert_true(name_wlan_type(name, &x));                                                                   \
    assert_int_equal(x, bits);                                                                               \
    snprintf(a, sizeof a, "type %s", name);                                                                  \
    snprintf(b, sizeof b, "type 0x%x", (unsigned)bits);                                                      \
    same_program(105, a, b);
#define WLAN_SUBTYPE(type, name, bits)                                                                       \
    assert_true(name_wlan_subtype(name, WLAN_ANY_TYPE, &x, &y));                                             \
    assert_int_equal(x, type);                                                                               \
    assert_int_equal(y, bits);                                                                               \
    assert_true(name_wlan_subtype(name, type, NULL, &y));                                                    \
    assert_int_equal(y, bits);                                                                               \
    snprintf(a, sizeof a, "subtype %s", name);                                                               \
    snprintf(b, sizeof b, "type 0x%x subtype 0x%x", (unsigned)type, (unsigned)bits);                         \
    same_program(105, a, b);
#define WLAN_DIR(name, value)                                                                                \
    assert_true(name_wlan_dir(name, &x));                                                                    \
    assert_int_equal(x, value);                                                                              \
    snprintf(a, sizeof a, "dir %s", name);                                                                   \
    snprintf(b, sizeof b, "dir %d", value);                                                                  \
    same_program(105, a, b);
#include "proto/wlan.def"
#define PF_REASON(name, value)                                                                               \
    assert_true(name_pf_reason(name, &x));                                                                   \
    assert_int_equal(x, value);                                                                              \
    snprintf(a, sizeof a, "reason %s", name);                                                                \
    snprintf(b, sizeof b, "reason %d", value);                                                               \
    same_program(117, a, b);
#define PF_ACTION(name, value)                                                                               \
    assert_true(name_pf_action(name, &x));                                                                   \
    assert_int_equal(x, value);                                                                              \
    snprintf(a, sizeof a, "action %s", name);                                                                \
    snprintf(b, sizeof b, "link[2] = %d", value);                                                            \
    same_program(117, a, b);
#include "proto/pf.def"
#define LLC(name, mask, value)                                                                               \
    assert_true(name_llc(name, &x, &y));                                                                     \
    assert_int_equal(x, mask);                                                                               \
    assert_int_equal(y, value);                                                                              \
    snprintf(a, sizeof a, "llc %s", name);                                                                   \
    snprintf(b, sizeof b, "llc and ether[16] & 0x%x = 0x%x", (unsigned)mask, (unsigned)value);               \
    same_program(1, a, b);
#include "proto/llc.def"
    assert_true(name_llc("RNR", &x, &y));
    assert_true(name_pf_reason("Bad-Offset", &x));
    assert_true(name_wlan_type("MGT", &x));
    assert_false(name_wlan_subtype("beacon", 0x04, &x, &y));
    assert_false(name_wlan_subtype("beacon", 0x0c, &x, &y));
    assert_false(name_pf_action("defer", &x));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_and_order),
        cmocka_unit_test(test_accepted_numbers),
        cmocka_unit_test(test_names_round_trip),
        cmocka_unit_test(test_names_of_libpcap),
        cmocka_unit_test(test_file_numbers),
        cmocka_unit_test(test_rows_are_consistent),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_protocol_names),
        cmocka_unit_test(test_services_are_sorted),
        cmocka_unit_test(test_names_against_libpcap_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
