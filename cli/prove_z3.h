/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/prove_z3.h - z3's functions, found when they are first needed.
 *
 * z3 is big and only a proof asks for it, so the command does not link it: libz3 is loaded by
 * prove_z3_missing(), and behind this header the functions' names mean what was found there. A machine
 * without z3.h builds a command that says so.
 */
#ifndef WEIR_CLI_PROVE_Z3_H
#define WEIR_CLI_PROVE_Z3_H
#if __has_include(<z3.h>)
#define PROVE_HAS_Z3 1
#include <stdbool.h>
#include <z3.h>

#define PROVE_Z3_FUNCTIONS(F)                                                                                \
    F(Z3_del_config)                                                                                         \
    F(Z3_del_context)                                                                                        \
    F(Z3_get_app_arg)                                                                                        \
    F(Z3_get_app_decl)                                                                                       \
    F(Z3_get_app_num_args)                                                                                   \
    F(Z3_get_ast_kind)                                                                                       \
    F(Z3_get_decl_kind)                                                                                      \
    F(Z3_get_numeral_uint)                                                                                   \
    F(Z3_is_numeral_ast)                                                                                     \
    F(Z3_mk_and)                                                                                             \
    F(Z3_mk_bool_sort)                                                                                       \
    F(Z3_mk_bv_sort)                                                                                         \
    F(Z3_mk_bvadd)                                                                                           \
    F(Z3_mk_bvand)                                                                                           \
    F(Z3_mk_bvlshr)                                                                                          \
    F(Z3_mk_bvmul)                                                                                           \
    F(Z3_mk_bvneg)                                                                                           \
    F(Z3_mk_bvor)                                                                                            \
    F(Z3_mk_bvshl)                                                                                           \
    F(Z3_mk_bvsub)                                                                                           \
    F(Z3_mk_bvudiv)                                                                                          \
    F(Z3_mk_bvuge)                                                                                           \
    F(Z3_mk_bvugt)                                                                                           \
    F(Z3_mk_bvule)                                                                                           \
    F(Z3_mk_bvurem)                                                                                          \
    F(Z3_mk_bvxor)                                                                                           \
    F(Z3_mk_concat)                                                                                          \
    F(Z3_mk_config)                                                                                          \
    F(Z3_mk_context)                                                                                         \
    F(Z3_mk_eq)                                                                                              \
    F(Z3_mk_extract)                                                                                         \
    F(Z3_mk_false)                                                                                           \
    F(Z3_mk_fresh_const)                                                                                     \
    F(Z3_mk_implies)                                                                                         \
    F(Z3_mk_int)                                                                                             \
    F(Z3_mk_ite)                                                                                             \
    F(Z3_mk_not)                                                                                             \
    F(Z3_mk_or)                                                                                              \
    F(Z3_mk_params)                                                                                          \
    F(Z3_mk_solver_for_logic)                                                                                \
    F(Z3_mk_string_symbol)                                                                                   \
    F(Z3_mk_true)                                                                                            \
    F(Z3_mk_unsigned_int)                                                                                    \
    F(Z3_mk_zero_ext)                                                                                        \
    F(Z3_model_dec_ref)                                                                                      \
    F(Z3_model_eval)                                                                                         \
    F(Z3_model_inc_ref)                                                                                      \
    F(Z3_params_dec_ref)                                                                                     \
    F(Z3_params_inc_ref)                                                                                     \
    F(Z3_params_set_uint)                                                                                    \
    F(Z3_set_error_handler)                                                                                  \
    F(Z3_simplify)                                                                                           \
    F(Z3_solver_assert)                                                                                      \
    F(Z3_solver_check)                                                                                       \
    F(Z3_solver_check_assumptions)                                                                           \
    F(Z3_solver_dec_ref)                                                                                     \
    F(Z3_solver_get_model)                                                                                   \
    F(Z3_solver_inc_ref)                                                                                     \
    F(Z3_solver_set_params)                                                                                  \
    F(Z3_to_app)

struct prove_z3_functions {
    bool loaded;
#define F(name) __typeof__(name) *name##_;
    PROVE_Z3_FUNCTIONS(F)
#undef F
};

/* Filled once; the command has one thread. */
extern struct prove_z3_functions prove_z3_functions;

#define Z3_del_config               prove_z3_functions.Z3_del_config_
#define Z3_del_context              prove_z3_functions.Z3_del_context_
#define Z3_get_app_arg              prove_z3_functions.Z3_get_app_arg_
#define Z3_get_app_decl             prove_z3_functions.Z3_get_app_decl_
#define Z3_get_app_num_args         prove_z3_functions.Z3_get_app_num_args_
#define Z3_get_ast_kind             prove_z3_functions.Z3_get_ast_kind_
#define Z3_get_decl_kind            prove_z3_functions.Z3_get_decl_kind_
#define Z3_get_numeral_uint         prove_z3_functions.Z3_get_numeral_uint_
#define Z3_is_numeral_ast           prove_z3_functions.Z3_is_numeral_ast_
#define Z3_mk_and                   prove_z3_functions.Z3_mk_and_
#define Z3_mk_bool_sort             prove_z3_functions.Z3_mk_bool_sort_
#define Z3_mk_bv_sort               prove_z3_functions.Z3_mk_bv_sort_
#define Z3_mk_bvadd                 prove_z3_functions.Z3_mk_bvadd_
#define Z3_mk_bvand                 prove_z3_functions.Z3_mk_bvand_
#define Z3_mk_bvlshr                prove_z3_functions.Z3_mk_bvlshr_
#define Z3_mk_bvmul                 prove_z3_functions.Z3_mk_bvmul_
#define Z3_mk_bvneg                 prove_z3_functions.Z3_mk_bvneg_
#define Z3_mk_bvor                  prove_z3_functions.Z3_mk_bvor_
#define Z3_mk_bvshl                 prove_z3_functions.Z3_mk_bvshl_
#define Z3_mk_bvsub                 prove_z3_functions.Z3_mk_bvsub_
#define Z3_mk_bvudiv                prove_z3_functions.Z3_mk_bvudiv_
#define Z3_mk_bvuge                 prove_z3_functions.Z3_mk_bvuge_
#define Z3_mk_bvugt                 prove_z3_functions.Z3_mk_bvugt_
#define Z3_mk_bvule                 prove_z3_functions.Z3_mk_bvule_
#define Z3_mk_bvurem                prove_z3_functions.Z3_mk_bvurem_
#define Z3_mk_bvxor                 prove_z3_functions.Z3_mk_bvxor_
#define Z3_mk_concat                prove_z3_functions.Z3_mk_concat_
#define Z3_mk_config                prove_z3_functions.Z3_mk_config_
#define Z3_mk_context               prove_z3_functions.Z3_mk_context_
#define Z3_mk_eq                    prove_z3_functions.Z3_mk_eq_
#define Z3_mk_extract               prove_z3_functions.Z3_mk_extract_
#define Z3_mk_false                 prove_z3_functions.Z3_mk_false_
#define Z3_mk_fresh_const           prove_z3_functions.Z3_mk_fresh_const_
#define Z3_mk_implies               prove_z3_functions.Z3_mk_implies_
#define Z3_mk_int                   prove_z3_functions.Z3_mk_int_
#define Z3_mk_ite                   prove_z3_functions.Z3_mk_ite_
#define Z3_mk_not                   prove_z3_functions.Z3_mk_not_
#define Z3_mk_or                    prove_z3_functions.Z3_mk_or_
#define Z3_mk_params                prove_z3_functions.Z3_mk_params_
#define Z3_mk_solver_for_logic      prove_z3_functions.Z3_mk_solver_for_logic_
#define Z3_mk_string_symbol         prove_z3_functions.Z3_mk_string_symbol_
#define Z3_mk_true                  prove_z3_functions.Z3_mk_true_
#define Z3_mk_unsigned_int          prove_z3_functions.Z3_mk_unsigned_int_
#define Z3_mk_zero_ext              prove_z3_functions.Z3_mk_zero_ext_
#define Z3_model_dec_ref            prove_z3_functions.Z3_model_dec_ref_
#define Z3_model_eval               prove_z3_functions.Z3_model_eval_
#define Z3_model_inc_ref            prove_z3_functions.Z3_model_inc_ref_
#define Z3_params_dec_ref           prove_z3_functions.Z3_params_dec_ref_
#define Z3_params_inc_ref           prove_z3_functions.Z3_params_inc_ref_
#define Z3_params_set_uint          prove_z3_functions.Z3_params_set_uint_
#define Z3_set_error_handler        prove_z3_functions.Z3_set_error_handler_
#define Z3_simplify                 prove_z3_functions.Z3_simplify_
#define Z3_solver_assert            prove_z3_functions.Z3_solver_assert_
#define Z3_solver_check             prove_z3_functions.Z3_solver_check_
#define Z3_solver_check_assumptions prove_z3_functions.Z3_solver_check_assumptions_
#define Z3_solver_dec_ref           prove_z3_functions.Z3_solver_dec_ref_
#define Z3_solver_get_model         prove_z3_functions.Z3_solver_get_model_
#define Z3_solver_inc_ref           prove_z3_functions.Z3_solver_inc_ref_
#define Z3_solver_set_params        prove_z3_functions.Z3_solver_set_params_
#define Z3_to_app                   prove_z3_functions.Z3_to_app_
#endif
#endif
