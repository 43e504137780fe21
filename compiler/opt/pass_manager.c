/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/pass_manager.c - runs the passes of passes.def.
 */
#include "opt/pass.h"

/* What a pass leaves: functions that verify, or loads whose guards the next pass has to add. */
enum { UNGUARDED, GUARDED };

static const struct pass {
    const char *name;
    int leaves;
    int (*run)(struct ir_func *f);
} passes[] = {
#define PASS(name, leaves, what) {#name, leaves, pass_##name},
#include "opt/passes.def"
#undef PASS
};

int opt_run(struct ir_func *f, const struct opt_options *o)
{
    for (uint32_t i = 0; i < sizeof passes / sizeof passes[0] && i < o->pass_limit; i++) {
        int err = passes[i].run(f);
        if (err < 0)
            return err;
        if (f->failed)
            return WEIR_E_MEMORY;
        if (o->dump) {
            strbuf_printf(o->dump, "# after %s\n", passes[i].name);
            ir_print(f, o->dump);
        }
        uint32_t where;
        if (o->verify && passes[i].leaves == GUARDED && ir_verify(f, f->arena, &where))
            return WEIR_E_BUG;
    }
    return WEIR_OK;
}
