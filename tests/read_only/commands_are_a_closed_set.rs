//! What may be sent is a closed set of reads: an operation can name no other.
use fullon_cache_api::prelude::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Write {}

impl Query for Write {
    type Output = u64;

    async fn run(&self, _: &View) -> Result<Json<u64>> {
        Json::of(&0)
    }
}

submit! {
    Operation::read::<Write>("write", "Writes.")
        .sends(&[Verb::Set]) //~ no variant or associated item named `Set` found
        .examples(&["{}"]),
}

fn main() {}
