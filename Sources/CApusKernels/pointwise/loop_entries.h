/// Redefines the macros of the lists so that the next inclusion of a `.def` file gives table entries.
#undef UNARY_TO
#undef BINARY_TO
#undef TERNARY_TO
#undef WHERE_LOOP
#undef COPY_LOOP
#undef CUSTOM
#undef DIVISION
#define ENTRY(NAME) [APUS_OP_##NAME] = PASTE(loop_##NAME, SFX),
#define UNARY_TO(R, NAME, SETUP, EXPRESSION) ENTRY(NAME)
#define BINARY_TO(R, NAME, SETUP, EXPRESSION) ENTRY(NAME)
#define TERNARY_TO(R, NAME, SETUP, EXPRESSION) ENTRY(NAME)
#define WHERE_LOOP ENTRY(WHERE)
#define COPY_LOOP ENTRY(COPY)
#define CUSTOM(NAME) ENTRY(NAME)
#define DIVISION(NAME, EXPRESSION) ENTRY(NAME)
