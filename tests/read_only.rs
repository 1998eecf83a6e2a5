//! What would write does not compile.
#![allow(missing_docs)]

#[test]
fn a_handler_that_tries_to_write_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/read_only/*.rs");
}
