/* SPDX-License-Identifier: BSD-2-Clause */
/* vm/packet.c - metadata of a packet. */
#include <string.h>
#include "vm/vm.h"

bool packet_meta(const struct packet *p, uint32_t which, uint32_t *out)
{
    const struct ir_meta_row *row = ir_meta_find(which);

    if (!row)
        return false;
    memcpy(out, (const char *)&p->meta + row->at, sizeof *out);
    *out = row->highest == 1 ? *out != 0 : *out & row->highest;
    return true;
}
