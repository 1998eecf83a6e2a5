//! Nor a way to the connection behind it.
use fullon_cache_api::prelude::*;

fn reach(view: &View) {
    let _ = &view.cache; //~ field `cache`
}

fn main() {}
