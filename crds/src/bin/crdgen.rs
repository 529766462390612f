//! Writes the generated definitions: `cargo run -p berth-crds --bin crdgen`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    for definition in berth_crds::custom_resource_definitions() {
        let name = format!(
            "{}.yaml",
            definition.spec.names.singular.as_deref().unwrap_or(&definition.spec.names.plural)
        );
        std::fs::write(directory.join(name), berth_crds::yaml(&definition)?)?;
    }
    Ok(())
}
