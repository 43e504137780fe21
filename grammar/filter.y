/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.y - the grammar: tokens to AST.
 *
 * `and` and `or` have one level and no precedence declaration: the rules are left recursive. What looks
 * ambiguous is decided by one token behind it: a number after `and`, `or`, `not` or `(` is an id before
 * `and`, `or`, `)` and the end, and arithmetic before anything else.
 *
 * `%` and `^` have no level of their own in the language: the parser always reads on. So their tokens bind
 * tighter than everything (they are shifted after any operand) and their rules looser than everything (any
 * operator after their right operand is shifted too).
 */
%require "3.8"
%define api.pure full
%define api.prefix {weir_yy}
%define api.location.type {struct span}
%define api.token.prefix {TK_}
%define parse.error custom
%define lr.default-reduction consistent /* so that what is expected is what would have fitted */
%locations
%expect 0
%lex-param   { void *scanner }
%parse-param { void *scanner } { struct parse_ctx *px }

%code requires {
#include "grammar/scan.h"
#include "proto/fields.h"
}

%union {
    uint32_t number; /* a value, or the row's value of a keyword */
    uint32_t node;
    struct {
        uint32_t at, len;
    } text;
    const uint8_t *bytes;
    struct ast_quals quals;
    struct ast_arg arg;
}

%code {
#include "grammar/mistakes.h"
#include "grammar/parse.h"
#include "weir/weir.h"
#include <stdio.h>
#include <string.h>

#define YYLLOC_DEFAULT(Current, Rhs, N)                                                                      \
    ((Current) = (N) ? (struct span){YYRHSLOC(Rhs, 1).begin, YYRHSLOC(Rhs, N).end}                           \
                     : (struct span){YYRHSLOC(Rhs, 0).end, YYRHSLOC(Rhs, 0).end})

/* The stack lives in the arena. A level of nesting takes at most three entries: `x and (`. */
#define YYMALLOC(size) parse_stack(px, (size))
#define YYFREE(ptr)    ((void)(ptr))
#define YYMAXDEPTH     (3 * (long)px->nesting + 64)

int weir_yylex(WEIR_YYSTYPE *value, struct span *at, void *scanner);

static void *parse_stack(struct parse_ctx *px, size_t size)
{
    void *stack = arena_alloc(px->arena, 1, size, alignof(max_align_t));

    px->no_memory |= !stack;
    return stack;
}

/* A failed reduction is never the reason: constructors are sticky. */
static void weir_yyerror(struct span *at, void *scanner, struct parse_ctx *px, const char *message)
{
    (void)scanner, (void)message;
    if (!px->no_memory)
        diag(px->sink, DIAG_TOO_DEEP, (struct diag_at){.at = *at}, px->nesting);
}

static struct ast_arg no_arg(void)
{
    return (struct ast_arg){.kind = ARG_NONE};
}

static struct ast_arg number_arg(uint32_t number, struct span at)
{
    return (struct ast_arg){.kind = ARG_NUMBER, .number = number, .at = at};
}

static struct ast_arg name_arg(uint32_t text, uint32_t len, struct span at)
{
    return (struct ast_arg){.kind = ARG_NAME, .text = text, .text_len = len, .at = at};
}

/* The qualifiers of a head; from here on they are the ones in force. */
static struct ast_quals head(uint32_t proto, uint32_t dir, uint32_t type, struct span at)
{
    return (struct ast_quals){(uint8_t)proto, (uint8_t)dir, (uint8_t)type, true, at};
}

static struct ast_id id_text(enum ast_id_kind kind, uint32_t text, uint32_t len)
{
    return (struct ast_id){.kind = (uint8_t)kind, .text = text, .text_len = len};
}

static struct ast_id id_bytes(enum ast_id_kind kind, const uint8_t *bytes, struct span at)
{
    return (struct ast_id){
        .kind = (uint8_t)kind, .text = at.begin, .text_len = at.end - at.begin, .bytes = bytes};
}

static struct ast_id id_prefix(struct ast_id id, uint32_t bits)
{
    id.kind = id.kind == ID_IPV6 ? ID_IPV6_LEN : ID_IPV4_LEN;
    id.number = bits;
    return id;
}

static struct ast_id id_mask(struct span at, struct span mask)
{
    struct ast_id id = id_text(ID_IPV4_MASK, at.begin, at.end - at.begin);

    id.text2 = mask.begin;
    id.text2_len = mask.end - mask.begin;
    return id;
}

/* The primitive just read has no qualifiers to pass on. */
static uint32_t unqualified(struct parse_ctx *px, uint32_t node)
{
    px->force = (struct ast_quals){0};
    return node;
}

static struct ast_arg rnr_arg(struct parse_ctx *px, struct span at);
static uint32_t field_node(struct parse_ctx *px, enum ast_kind kind, uint32_t field, uint32_t relop,
                           struct span at, struct span word);
static void field_begin(struct parse_ctx *px);
static void field_number(struct parse_ctx *px, uint32_t number, struct span at);
}

%token UNKNOWN /* reported by the scanner */
%token AND OR NOT
%token <number> NUM
%token <text> ID
%token DOTTED
%token <bytes> IPV6 MAC48 MAC8
%token SET
%token <number> PROTO SRC DST ADDR ATYPE PTYPE
%token MASK LEN BYTE IFINDEX LLC TYPE SUBTYPE DIR
%token <number> LENGTH_TEST CAST ALONE STACK RNR SRNR REASON PF_NAME ATM ATM_FIELD SS7 SS7_FIELD
%token OPEN CLOSE BRACKET UNBRACKET COLON
%token EQ NE LT GT LE GE
%token BAR AMPERSAND SHL SHR PLUS MINUS TIMES SLASH PERCENT CARET

%precedence READ_ON /* rules of % and ^ */
%left BAR
%left AMPERSAND
%left SHL SHR
%left PLUS MINUS
%left TIMES SLASH
%precedence NEGATION
%precedence PERCENT CARET

%type <node> expr term rterm wlan id nid pid number_id arith narith
%type <number> pnum andor dir relop byteop field
%type <quals> open head
%type <arg> tval llc_kind pnum_opt

%%

filter:
    %empty
  | expr
  ;

expr:
    term
  | expr andor term       { $$ = ast_join(&px->build, $2, @$, @2, $1, $3); }
  | expr andor id         { ast_qualify(&px->build, $3, px->force, true);
                            $$ = ast_join(&px->build, $2, @$, @2, $1, $3); }
  ;

andor:
    AND                   { $$ = AST_AND; }
  | OR                    { $$ = AST_OR; }
  ;

term:
    rterm
  | NOT term              { $$ = ast_not(&px->build, @$, @1, $2); }
  ;

/* Every parenthesis remembers what was in force before it. */
open:
    OPEN                  { $$ = px->force; }
  ;

rterm:
    head id               { ast_qualify(&px->build, $2, $1, false); px->force = $1; $$ = $2; }
  | open expr CLOSE       { px->force = $1; $$ = $2; }
  | PROTO                 { $$ = unqualified(px, ast_leaf(&px->build, AST_PROTO, $1, @$, @1)); }
  | arith relop arith     { $$ = unqualified(px, ast_relation(&px->build, $2, @$, @2, $1, $3)); }
  | CAST                  { $$ = unqualified(px, ast_leaf(&px->build, $1, PROTO_NONE, @$, @1)); }
  | PROTO CAST            { $$ = unqualified(px, ast_leaf(&px->build, $2, $1, @$, @2)); }
  | ALONE                 { $$ = unqualified(px, ast_leaf(&px->build, $1, 0, @$, @1)); }
  | LENGTH_TEST NUM       { struct ast_arg n = number_arg($2, @2);
                            $$ = unqualified(px, ast_keyword(&px->build, $1, @$, @1, &n, 1)); }
  | IFINDEX NUM           { struct ast_arg n = number_arg($2, @2);
                            $$ = unqualified(px, ast_keyword(&px->build, AST_IFINDEX, @$, @1, &n, 1)); }
  | BYTE NUM byteop NUM   { $$ = unqualified(px, ast_byte(&px->build, $3, @$, @3, number_arg($2, @2),
                                                          number_arg($4, @4))); }
  | STACK pnum_opt        { $$ = unqualified(px, ast_keyword(&px->build, $1, @$, @1, &$2, 1)); }
  | LLC llc_kind          { $$ = unqualified(px, ast_keyword(&px->build, AST_LLC, @$, @1, &$2, 1)); }
  | wlan
  | PROTO wlan            { $$ = $2; /* the word is accepted and means nothing */ }
  | PF_NAME ID            { struct ast_arg n = name_arg($2.at, $2.len, @2);
                            $$ = unqualified(px, ast_keyword(&px->build, $1, @$, @1, &n, 1)); }
  | RNR NUM               { struct ast_arg n = number_arg($2, @2);
                            $$ = unqualified(px, ast_keyword(&px->build, $1, @$, @1, &n, 1)); }
  | SRNR NUM              { struct ast_arg n = number_arg($2, @2);
                            $$ = unqualified(px, ast_keyword(&px->build, $1, @$, @1, &n, 1)); }
  | REASON tval           { $$ = unqualified(px, ast_keyword(&px->build, $1, @$, @1, &$2, 1)); }
  | ATM                   { $$ = unqualified(px, ast_leaf(&px->build, AST_ATM_KEYWORD, $1, @$, @1)); }
  | SS7                   { $$ = unqualified(px, ast_leaf(&px->build, AST_SS7_KEYWORD, $1, @$, @1)); }
  | ATM_FIELD field       { $$ = unqualified(px, field_node(px, AST_ATM_FIELD, $1, $2, @$, @1)); }
  | SS7_FIELD field       { $$ = unqualified(px, field_node(px, AST_SS7_FIELD, $1, $2, @$, @1)); }
  ;

head:
    dir                   { $$ = head(PROTO_NONE, $1, TYPE_NONE, @$); }
  | dir ATYPE             { $$ = head(PROTO_NONE, $1, $2, @$); }
  | ATYPE                 { $$ = head(PROTO_NONE, DIR_NONE, $1, @$); }
  | PTYPE                 { $$ = head(PROTO_NONE, DIR_NONE, $1, @$); }
  | PROTO dir             { $$ = head($1, $2, TYPE_NONE, @$); }
  | PROTO dir ATYPE       { $$ = head($1, $2, $3, @$); }
  | PROTO ATYPE           { $$ = head($1, DIR_NONE, $2, @$); }
  | PROTO PTYPE           { $$ = head($1, DIR_NONE, $2, @$); }
  ;

dir:
    SRC
  | DST
  | SRC OR DST            { $$ = DIR_SRC_OR_DST; }
  | DST OR SRC            { $$ = DIR_SRC_OR_DST; }
  | SRC AND DST           { $$ = DIR_SRC_AND_DST; }
  | DST AND SRC           { $$ = DIR_SRC_AND_DST; }
  | ADDR
  ;

id:
    nid
  | number_id
  | open pid CLOSE        { $$ = $2; }
  ;

nid:
    ID                    { $$ = ast_id(&px->build, @$, id_text(ID_NAME, $1.at, $1.len)); }
  | DOTTED                { $$ = ast_id(&px->build, @$, id_text(ID_IPV4, @1.begin, @1.end - @1.begin)); }
  | DOTTED SLASH NUM      { $$ = ast_id(&px->build, @$,
                                        id_prefix(id_text(ID_IPV4, @1.begin, @1.end - @1.begin), $3)); }
  | DOTTED MASK DOTTED    { $$ = ast_id(&px->build, @$, id_mask(@1, @3)); }
  | IPV6                  { $$ = ast_id(&px->build, @$, id_bytes(ID_IPV6, $1, @1)); }
  | IPV6 SLASH NUM        { $$ = ast_id(&px->build, @$, id_prefix(id_bytes(ID_IPV6, $1, @1), $3)); }
  | MAC48                 { $$ = ast_id(&px->build, @$, id_bytes(ID_MAC48, $1, @1)); }
  | MAC8                  { $$ = ast_id(&px->build, @$, id_bytes(ID_MAC8, $1, @1)); }
  | SET                   { $$ = ast_id(&px->build, @$, id_text(ID_SET, @1.begin + 1, @1.end - @1.begin - 1)); }
  | NOT id                { $$ = ast_not(&px->build, @$, @1, $2); }
  ;

/* The first id of a list is no parenthesised one. */
pid:
    nid
  | pid andor id          { $$ = ast_join(&px->build, $2, @$, @2, $1, $3); }
  | number_id andor id    { $$ = ast_join(&px->build, $2, @$, @2, $1, $3); }
  ;

number_id:
    pnum                  { $$ = ast_id(&px->build, @$, (struct ast_id){.kind = ID_NUMBER, .number = $1}); }
  ;

pnum:
    NUM
  | open pnum CLOSE       { $$ = $2; }
  ;

pnum_opt:
    %empty                { $$ = no_arg(); }
  | pnum                  { $$ = number_arg($1, @1); }
  ;

arith:
    pnum                  { $$ = ast_number(&px->build, @$, $1); }
  | narith
  ;

narith:
    LEN                   { $$ = ast_leaf(&px->build, AST_LEN, 0, @$, @1); }
  | PROTO BRACKET arith UNBRACKET
                          { $$ = ast_load(&px->build, $1, @$, (struct span){0}, $3, 1); }
  | PROTO BRACKET arith COLON NUM UNBRACKET
                          { $$ = ast_load(&px->build, $1, @$, @5, $3, $5); }
  | open narith CLOSE     { $$ = $2; }
  | MINUS arith %prec NEGATION
                          { $$ = ast_arith(&px->build, OP_NEG, @$, @1, $2, AST_NONE); }
  | arith BAR arith       { $$ = ast_arith(&px->build, OP_OR, @$, @2, $1, $3); }
  | arith AMPERSAND arith { $$ = ast_arith(&px->build, OP_AND, @$, @2, $1, $3); }
  | arith SHL arith       { $$ = ast_arith(&px->build, OP_SHL, @$, @2, $1, $3); }
  | arith SHR arith       { $$ = ast_arith(&px->build, OP_SHR, @$, @2, $1, $3); }
  | arith PLUS arith      { $$ = ast_arith(&px->build, OP_ADD, @$, @2, $1, $3); }
  | arith MINUS arith     { $$ = ast_arith(&px->build, OP_SUB, @$, @2, $1, $3); }
  | arith TIMES arith     { $$ = ast_arith(&px->build, OP_MUL, @$, @2, $1, $3); }
  | arith SLASH arith     { $$ = ast_arith(&px->build, OP_DIV, @$, @2, $1, $3); }
  | arith PERCENT arith %prec READ_ON
                          { $$ = ast_arith(&px->build, OP_MOD, @$, @2, $1, $3); }
  | arith CARET arith %prec READ_ON
                          { $$ = ast_arith(&px->build, OP_XOR, @$, @2, $1, $3); }
  ;

relop:
    EQ                    { $$ = REL_EQ; }
  | NE                    { $$ = REL_NE; }
  | LT                    { $$ = REL_LT; }
  | GT                    { $$ = REL_GT; }
  | LE                    { $$ = REL_LE; }
  | GE                    { $$ = REL_GE; }
  ;

byteop:
    EQ                    { $$ = '='; }
  | LT                    { $$ = '<'; }
  | GT                    { $$ = '>'; }
  | AMPERSAND             { $$ = '&'; }
  | BAR                   { $$ = '|'; }
  ;

llc_kind:
    %empty                { $$ = no_arg(); }
  | ID                    { $$ = name_arg($1.at, $1.len, @1); }
  | RNR                   { $$ = rnr_arg(px, @1); }
  ;

wlan:
    TYPE tval             { $$ = unqualified(px, ast_keyword(&px->build, AST_WLAN_TYPE, @$, @1,
                                                             (struct ast_arg[]){$2, no_arg()}, 2)); }
  | TYPE tval SUBTYPE tval
                          { $$ = unqualified(px, ast_keyword(&px->build, AST_WLAN_TYPE, @$, @1,
                                                             (struct ast_arg[]){$2, $4}, 2)); }
  | SUBTYPE ID            { struct ast_arg n = name_arg($2.at, $2.len, @2);
                            $$ = unqualified(px, ast_keyword(&px->build, AST_WLAN_SUBTYPE, @$, @1, &n, 1)); }
  | DIR tval              { $$ = unqualified(px, ast_keyword(&px->build, AST_WLAN_DIR, @$, @1, &$2, 1)); }
  ;

tval:
    NUM                   { $$ = number_arg($1, @1); }
  | ID                    { $$ = name_arg($1.at, $1.len, @1); }
  ;

/* The numbers are px->list; the value is what they are compared by. */
field:
    field_first           { $$ = REL_EQ; }
  | relop field_first     { $$ = $1; }
  | open field_list CLOSE { $$ = REL_EQ; }
  ;

field_list:
    field_first
  | field_list OR NUM     { field_number(px, $3, @3); }
  ;

field_first:
    NUM                   { field_begin(px); field_number(px, $1, @1); }
  ;

%%

/* ---------------------------------------------------------------- pieces of actions */

static void field_begin(struct parse_ctx *px)
{
    px->list.at = NULL;
    px->list.n = px->list.cap = 0;
}

static void field_number(struct parse_ctx *px, uint32_t number, struct span at)
{
    if (!px->build.failed)
        px->build.failed = !vec_push(px->arena, &px->list, number_arg(number, at));
}

static uint32_t field_node(struct parse_ctx *px, enum ast_kind kind, uint32_t field, uint32_t relop,
                           struct span at, struct span word)
{
    return ast_field(&px->build, kind, (uint8_t)field, relop, at, word, px->list.at, px->list.n);
}

/* The name rnr. Where the filter says `rulenum` the tree gets a copy of the text with the name behind it. */
static struct ast_arg rnr_arg(struct parse_ctx *px, struct span at)
{
    struct ast *t = px->build.t;

    if (at.end - at.begin == 3)
        return name_arg(at.begin, 3, at);
    if (t->text == px->text) {
        char *copy = arena_array(px->arena, char, (size_t)px->len + 3);
        if (!copy) {
            px->build.failed = true;
            return no_arg();
        }
        memcpy(copy, px->text, px->len);
        memcpy(copy + px->len, "rnr", 3);
        t->text = copy;
    }
    return name_arg(px->len, 3, at);
}

/* ---------------------------------------------------------------- syntax errors */

static int yyreport_syntax_error(const yypcontext_t *ctx, void *scanner, struct parse_ctx *px)
{
    bool fits[YYNTOKENS] = {false}, want[YYMAXUTOK + 1]; /* by symbol, by token */
    yysymbol_kind_t expected[YYNTOKENS];
    struct span at = *yypcontext_location(ctx);
    struct seen found = px->seen[0];
    char wanted[320], quoted[64], what[96];

    (void)scanner;
    if (found.token == TK_UNKNOWN || (px->bad_end && px->bad_end == at.end))
        return 0; /* said already, and better */
    int n = yypcontext_expected_tokens(ctx, expected, YYNTOKENS);
    for (int i = 0; i < n; i++)
        fits[expected[i]] = true;
    for (int i = 0; i <= YYMAXUTOK; i++)
        want[i] = fits[YYTRANSLATE(i)];

    if (found.token == TK_CLOSE || found.token == TK_UNBRACKET) {
        char c = found.token == TK_CLOSE ? ')' : ']';
        if (px->unopened) {
            diag(px->sink, DIAG_UNOPENED, (struct diag_at){.at = at}, c);
            return 0;
        }
        struct span partner = px->open.at[px->open.n]; /* just closed */
        char open = px->text[partner.begin];
        if ((open == '(') != (c == ')')) {
            diag(px->sink, DIAG_UNCLOSED, (struct diag_at){.at = partner, .also = at}, open);
            return 0;
        }
    }
    if (found.token == TK_YYEOF && px->open.n && (want[TK_CLOSE] || want[TK_UNBRACKET])) {
        struct span open = px->open.at[px->open.n - 1];
        diag(px->sink, DIAG_UNCLOSED, (struct diag_at){.at = open, .also = at}, px->text[open.begin]);
        return 0;
    }
    struct guess g = {.px = px, .want = want, .found = found, .before = px->seen[1], .earlier = px->seen[2]};
    mistake_wanted(want, px->open.n > 0, wanted, sizeof wanted);
    mistake_quote(px, at, quoted, sizeof quoted);
    if (found.token == TK_YYEOF)
        snprintf(what, sizeof what, "the end of the filter");
    else
        snprintf(what, sizeof what, "'%s'", quoted);
    diag(px->sink, DIAG_SYNTAX, (struct diag_at){.at = at, .hint = mistake_hint(&g)}, wanted, what);
    return 0;
}

/* ---------------------------------------------------------------- the door */

static int parse(struct parse_ctx *px)
{
    uint32_t errors = px->sink->errors;
    void *scanner;

    if (!scan_begin(px, &scanner))
        return WEIR_E_MEMORY;
    int status = yyparse(scanner, px);
    if (px->no_memory || px->build.failed || px->sink->failed)
        return WEIR_E_MEMORY;
    if (status == 2)
        return WEIR_E_LIMIT;
    return px->sink->errors > errors ? WEIR_E_FILTER : status == 0 ? WEIR_OK : WEIR_E_BUG;
}

int parse_filter(struct arena *arena, struct diag_sink *sink, const char *text, uint32_t len,
                 uint32_t nesting, struct ast *out)
{
    struct arena own;
    struct parse_ctx px = {.arena = arena, .scratch = len < ARENA_LARGE ? arena : &own, .sink = sink, .text = text, .len = len, .nesting = nesting};

    *out = (struct ast){.arena = arena, .text = text, .text_len = len};
    px.build.t = out;
    if (len > INT32_MAX - 2) { /* flex counts in int */
        diag(sink, DIAG_TOO_LONG, (struct diag_at){.at = {0, len}}, (unsigned)INT32_MAX - 2);
        return WEIR_E_LIMIT;
    }
    arena_init(&own, arena->al, arena->ceiling);
    int err = parse(&px);
    arena->over_ceiling |= own.over_ceiling;
    arena_release(&own);
    return err;
}
