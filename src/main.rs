//! scratch
fn main() {
    for c in beamlit_operator::api::all_crds().unwrap_or_default() {
        println!("{}", serde_json::to_string_pretty(&c).unwrap());
    }
    println!(
        "{}",
        serde_json::to_string_pretty(&beamlit_operator::api::spec_schema("ModelDeployment")).unwrap_or_default()
    );
}
