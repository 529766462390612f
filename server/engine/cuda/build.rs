//! What the linker finds under the names that candle and `cudarc` ask for: nothing by those whose functions this crate is, and CUDA's
//! runtime, which candle's kernels need, as a part of the program (it looks for the driver itself, when it is first used).

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Where CUDA is said to be.
const NAMED: [&str; 2] = ["CUDA_HOME", "CUDA_PATH"];
/// Where its libraries are in it.
const WITHIN: [&str; 4] = ["lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"];
/// Without an entry.
const EMPTY_ARCHIVE: &[u8] = b"!<arch>\n";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    for name in NAMED.iter().chain(&["PATH"]) {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    for library in ["cuda", "cublas", "cublasLt", "curand", "nvrtc"] {
        fs::write(out.join(format!("lib{library}.a")), EMPTY_ARCHIVE)?;
    }
    // A build without candle's kernels needs none; the linker says what it lacks.
    let runtimes =
        roots().into_iter().flat_map(|root| WITHIN.map(|lib| root.join(lib).join("libcudart_static.a")));
    if let Some(runtime) = runtimes.into_iter().find(|path| path.is_file()) {
        println!("cargo:rerun-if-changed={}", runtime.display());
        fs::copy(&runtime, out.join("libcudart.a"))?;
    }
    println!("cargo:rustc-link-search=native={}", out.display());
    Ok(())
}

/// Where CUDA may be: where it is said to be, around the compiler, where it is by default.
fn roots() -> Vec<PathBuf> {
    let named = NAMED.iter().filter_map(env::var_os).map(PathBuf::from);
    let around = |folder: PathBuf| {
        let compiler = folder.join("nvcc").canonicalize().ok()?;
        Some(compiler.parent()?.parent()?.to_owned())
    };
    let path = env::var_os("PATH").unwrap_or_default();
    let compilers = env::split_paths(&path).filter_map(around).collect::<Vec<_>>();
    named.chain(compilers).chain([Path::new("/usr/local/cuda").to_owned()]).collect()
}
