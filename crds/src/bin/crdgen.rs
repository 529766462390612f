//! Writes the generated definitions: `cargo run -p berth-crds --bin crdgen`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for definition in berth_crds::custom_resource_definitions() {
        let names = &definition.spec.names;
        let name = format!("{}.yaml", names.singular.as_deref().unwrap_or(&names.plural));
        let text = berth_crds::yaml(&definition)?;
        // The chart has a copy: helm reads no file outside of it.
        for directory in [here.to_owned(), here.join("../charts/berth/files/crds")] {
            std::fs::create_dir_all(&directory)?;
            std::fs::write(directory.join(&name), &text)?;
        }
    }
    Ok(())
}
