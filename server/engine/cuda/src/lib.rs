//! candle's CUDA tensors are linked to NVIDIA's libraries, and the system does not start a program that lacks one of its libraries: a
//! server with the feature `cuda` would need a GPU to print its help. So the functions that candle calls are defined here ([`jump`]):
//! each jumps to the library's own function once [`load`] has found it, and says that there is none until then. The linker finds empty
//! archives by the libraries' names (`build.rs`).

#![allow(unsafe_code, reason = "functions of other libraries, by their names")]

mod functions;
mod jump;

use jump::Function;
use libloading::Library;
use std::sync::{Mutex, PoisonError};

/// One of NVIDIA's libraries.
struct Needed {
    /// For people.
    what: &'static str,
    /// Its files, the best first.
    files: &'static [&'static str],
    functions: &'static [Function],
    /// What to do about it.
    advice: &'static str,
}

const TOOLKIT: &str = "install it with CUDA's toolkit or runtime, and name its folder in LD_LIBRARY_PATH if the system does not know it";

/// In the order in which they are needed. candle compiles nothing when it runs and computes no product by cuBLASLt, so those two are not.
const NEEDED: [Needed; 3] = [
    Needed {
        what: "NVIDIA's driver",
        files: &["libcuda.so.1", "libcuda.so"],
        functions: functions::driver::ALL,
        advice: "this machine has no NVIDIA GPU, its driver is not installed, or this container was not given it (NVIDIA's container toolkit \
                 does so)",
    },
    Needed {
        what: "cuBLAS",
        files: &["libcublas.so.13", "libcublas.so.12", "libcublas.so"],
        functions: functions::cublas::ALL,
        advice: TOOLKIT,
    },
    Needed {
        what: "cuRAND",
        files: &["libcurand.so.10", "libcurand.so"],
        functions: functions::curand::ALL,
        advice: TOOLKIT,
    },
];

/// Whether all of them are there.
static LOADED: Mutex<bool> = Mutex::new(false);

/// Finds the libraries, once; an error says which one is missing and what to do. They stay for as long as the program runs.
pub fn load() -> Result<(), String> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if *loaded {
        return Ok(());
    }
    for needed in &NEEDED {
        needed.load()?;
    }
    *loaded = true;
    Ok(())
}

impl Needed {
    fn load(&self) -> Result<(), String> {
        // SAFETY: NVIDIA's libraries do nothing when they are loaded but to get ready.
        let found = self.files.iter().find_map(|file| unsafe { Library::new(*file) }.ok());
        let Some(library) = found else {
            return Err(format!("{} ({}) was not found: {}", self.what, self.files[0], self.advice));
        };
        for function in self.functions {
            // One that an older library lacks goes on saying so.
            // SAFETY: it is only ever called by who declared it as the library does.
            if let Ok(symbol) = unsafe { library.get::<*mut ()>(function.name.as_bytes()) } {
                function.set(*symbol);
            }
        }
        std::mem::forget(library);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    unsafe extern "C" {
        fn cuInit(flags: u32) -> i32;
        fn cuDeviceGetCount(count: *mut i32) -> i32;
        fn cublasCreate_v2(handle: *mut *mut ()) -> i32;
        fn curandDestroyGenerator(generator: *mut ()) -> i32;
    }

    /// What the driver says where there is no GPU.
    const NO_DEVICE: i32 = 100;

    #[test]
    fn functions_say_that_they_are_absent_until_their_library_is_there() {
        let mut count = -1;
        // SAFETY: as the driver declares them.
        let mut asked = || unsafe { (cuInit(0), cuDeviceGetCount(&raw mut count)) };
        match super::load() {
            Ok(()) => {
                let (begun, counted) = asked();
                assert!([0, NO_DEVICE].contains(&begun), "{begun}");
                assert!(begun != 0 || counted == 0 && count >= 0, "{begun} {counted} {count}");
            }
            Err(missing) => {
                assert!(missing.contains("was not found") && missing.contains(".so."), "{missing}");
                if missing.contains("libcuda.so.1") {
                    assert_eq!(asked(), (999, 999));
                    assert_eq!(count, -1);
                }
                // SAFETY: as the libraries declare them; they look at nothing while they are absent.
                let others = unsafe {
                    (cublasCreate_v2(std::ptr::null_mut()), curandDestroyGenerator(std::ptr::null_mut()))
                };
                assert_eq!(others, (1, 101));
            }
        }
    }
}
