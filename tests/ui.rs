//! What must not compile, each case with what the compiler says about it.
//!
//! After a change of a text: `TRYBUILD=overwrite cargo test -p lifespan-tests --test ui`, and look.

#[test]
fn what_breaks_the_loop_ownership_rule_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*.rs");
}
