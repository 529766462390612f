//! Pickles that try anything are typed errors: nothing of them runs, and they take little memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_engine::{EngineError, Prepared};
use std::fmt::Write as _;

/// What a pickle may take, its file included.
const MOST_MEMORY: u64 = 256 << 20;

fn error(bytes: &[u8]) -> EngineError {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("model.pkl"), bytes).unwrap();
    match Prepared::open(dir.path()).and_then(Prepared::load) {
        Ok(_) => panic!("a pickle that is hostile loads"),
        Err(error) => error,
    }
}

/// A text as protocol 4 writes it.
fn text(text: &str) -> Vec<u8> {
    [&[0x8c, text.len() as u8], text.as_bytes()].concat()
}

/// Names a thing, in the ways that pickles have; then it would be called.
fn call(module: &str, name: &str, way: usize) -> Vec<u8> {
    let old = format!("c{module}\n{name}\n");
    match way % 6 {
        0 => format!("{old}(S'id'\ntR.").into_bytes(),
        1 => [&[0x80, 4][..], &text(module), &text(name), &[0x93], &text("id"), &[0x85, b'R', b'.']].concat(),
        2 => format!("(S'id'\ni{module}\n{name}\n.").into_bytes(),
        3 => [b"\x80\x02(", old.as_bytes(), b"U\x02ido."].concat(),
        4 => [b"\x80\x02", old.as_bytes(), b")\x81}b."].concat(),
        // In the middle of an estimator, where nothing seems to be asked of it.
        _ => [
            &b"\x80\x02csklearn.linear_model\nLinearRegression\n)\x81}X\x05\x00\x00\x00coef_"[..],
            old.as_bytes(),
            b"U\x02id\x85Rsb.",
        ]
        .concat(),
    }
}

/// Modules and names that pickles have been made to call.
const CALLS: &str = "
os.system posix.system nt.system os.popen os.execv os.remove os.putenv subprocess.Popen subprocess.check_output subprocess.call
commands.getoutput builtins.eval builtins.exec builtins.compile builtins.__import__ builtins.getattr builtins.setattr builtins.open
builtins.globals builtins.breakpoint builtins.type builtins.vars builtins.map builtins.apply __builtin__.eval __builtin__.execfile
__builtin__.file sys.exit sys.setrecursionlimit shutil.rmtree socket.socket importlib.import_module importlib._bootstrap._load
runpy._run_code runpy.run_path pty.spawn code.interact code.InteractiveInterpreter ctypes.CDLL pickle.loads _pickle.loads
cloudpickle.loads dill.loads marshal.loads types.CodeType types.FunctionType functools.reduce operator.attrgetter
operator.methodcaller itertools.starmap webbrowser.open urllib.request.urlopen requests.get httplib.HTTPConnection tempfile.mktemp
pathlib.Path linecache.getlines timeit.timeit cProfile.run profile.run bdb.Bdb trace.Trace pdb.run doctest.debug_script
asyncio.create_subprocess_shell multiprocessing.util.spawnv_passfds distutils.spawn.spawn venv.create pip.main site.main
numpy.load numpy.testing._private.utils.runstring numpy.f2py.crackfortran.myeval numpy.memmap pandas.eval pandas.read_pickle
joblib.load joblib.memory.Memory sklearn.utils.Bunch.__class__ sklearn.externals.joblib.load sklearn.os.system torch.load
torch._utils._rebuild_tensor_v2 torch.nn.modules.linear.Linear keras.models.Sequential tensorflow.py_function
catboost.core.CatBoostClassifier __main__.Model builtins.print collections.namedtuple copyreg.add_extension
";

#[test]
fn nothing_is_named_that_is_not_known() {
    for (n, whole) in CALLS.split_whitespace().enumerate() {
        let (module, name) = whole.rsplit_once('.').unwrap();
        let error = error(&call(module, name, n));
        let said = error.to_string();
        assert!(matches!(error, EngineError::BrokenArtifact(_)), "{whole}: {said}");
        assert!(said.contains(&format!("{module}.{name}")) && said.contains("not one of"), "{whole}: {said}");
    }
    // Names in names lead no further than names.
    let dotted = call("sklearn.linear_model", "LinearRegression.__init__.__globals__", 1);
    assert!(error(&dotted).to_string().contains("__globals__"));
}

/// So many times the same.
fn times(count: usize, of: &[u8]) -> Vec<u8> {
    of.repeat(count)
}

/// `count` levels, each of twice the one before.
fn laughs(count: usize, level: &[u8]) -> Vec<u8> {
    [b"\x80\x04X\x03\x00\x00\x00lol\x94".to_vec(), times(count, level), b".".to_vec()].concat()
}

fn array(shape: &str, dtype: &str, bytes: &str) -> Vec<u8> {
    let mut out = String::from("cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n");
    write!(
        out,
        "{shape}cnumpy\ndtype\n(S'{dtype}'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'{bytes}'\ntb."
    )
    .unwrap();
    out.into_bytes()
}

/// An estimator in which something is wrong.
fn estimator(state: &[u8]) -> Vec<u8> {
    [b"\x80\x02csklearn.linear_model\nLinearRegression\n)\x81}", state, b"b."].concat()
}

fn structures() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    [opcodes(), contents(), estimators(), sizes()].concat()
}

/// Opcodes that are not there, or have nothing to work on.
fn opcodes() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let own = b"csklearn.linear_model\nRidge\n".to_vec();
    vec![
        ("protocol 6", b"\x80\x06N.".to_vec(), "protocol 6"),
        ("protocol 255", b"\x80\xffN.".to_vec(), "protocol 255"),
        ("state of a class", [&own[..], b"}b."].concat(), "gives a state"),
        ("state of a list", b"\x80\x02]}b.".to_vec(), "gives a state"),
        ("state of nothing", b"\x80\x02N}b.".to_vec(), "gives a state"),
        ("call of a number", b"\x80\x02K\x01)R.".to_vec(), "no class"),
        ("call of a list", b"\x80\x02])R.".to_vec(), "no class"),
        ("call of what was made", [&b"\x80\x02"[..], &own, b")R)R."].concat(), "no class"),
        ("object of a text", b"\x80\x02X\x01\x00\x00\x00a)\x81.".to_vec(), "no class"),
        ("object by keywords of nothing", b"\x80\x04N)}\x92.".to_vec(), "no class"),
        ("object without a class", b"(o.".to_vec(), "no class"),
        ("object without a class, in binary", b"\x80\x02(o.".to_vec(), "no class"),
        ("class of numbers", b"\x80\x04K\x01K\x02\x93.".to_vec(), "no text"),
        ("extension 1", b"\x80\x02\x82\x01.".to_vec(), "EXT"),
        ("extension 2", b"\x80\x02\x83\x01\x00.".to_vec(), "EXT"),
        ("extension 4", b"\x80\x02\x84\x01\x00\x00\x00.".to_vec(), "EXT"),
        ("persistent id", b"\x80\x02Pabc\n.".to_vec(), "persistent id"),
        ("persistent id of an object", b"\x80\x02NQ.".to_vec(), "persistent id"),
        ("buffer outside", b"\x80\x05\x97.".to_vec(), "buffers"),
        ("buffer to read only", b"\x80\x05N\x98.".to_vec(), "buffers"),
        ("unknown opcode", b"\x80\x02\xff.".to_vec(), "no opcode"),
        ("no end", b"\x80\x02N".to_vec(), "ends too early"),
        ("nothing at all", b"\x80\x02".to_vec(), "ends too early"),
        ("end without an object", b"\x80\x02.".to_vec(), "empty stack"),
        ("end behind a mark", b"\x80\x02N(.".to_vec(), "empty stack"),
        ("text that is cut", b"\x80\x02X\x10\x00\x00\x00ab".to_vec(), "16 bytes"),
        ("text of 2^64 bytes", b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.".to_vec(), "are left"),
        ("bytes of 2^63", b"\x80\x04\x8e\x00\x00\x00\x00\x00\x00\x00\x80.".to_vec(), "are left"),
        ("bytearray of 2^40", b"\x80\x05\x96\x00\x00\x00\x00\x00\x01\x00\x00.".to_vec(), "are left"),
        ("bytes of 4 GiB", b"\x80\x03B\xff\xff\xff\xff.".to_vec(), "are left"),
        ("frame beyond the end", b"\x80\x04\x95\xff\xff\xff\x7f\x00\x00\x00\x00N.".to_vec(), "are left"),
        ("number of 2 GiB", b"\x80\x02\x8b\xff\xff\xff\x7f.".to_vec(), "are left"),
        ("number below zero long", b"\x80\x02\x8b\xff\xff\xff\xff.".to_vec(), "are left"),
    ]
}

/// Opcodes whose operands are wrong.
fn contents() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    vec![
        ("memory of 2^32", b"\x80\x02Nr\xff\xff\xff\xff.".to_vec(), "under the number"),
        ("memory by a text", b"\x80\x02Np99999999999999999999\n.".to_vec(), "no number"),
        ("memory of nothing", b"\x80\x02h\x07.".to_vec(), "remembers nothing"),
        ("memory of nothing, long", b"\x80\x02j\xff\xff\xff\xff.".to_vec(), "remembers nothing"),
        ("remembering nothing", b"\x80\x04\x94.".to_vec(), "empty stack"),
        ("taking from nothing", b"\x80\x020.".to_vec(), "empty stack"),
        ("twice nothing", b"\x80\x022.".to_vec(), "empty stack"),
        ("tuple without a mark", b"\x80\x02Nt.".to_vec(), "mark"),
        ("pair of one", b"\x80\x02N\x86.".to_vec(), "empty stack"),
        ("dict of three", b"\x80\x02(NNNd.".to_vec(), "without a value"),
        ("adding three to a dict", b"\x80\x02}(NNNu.".to_vec(), "without a value"),
        ("adding to a tuple", b"\x80\x02)Na.".to_vec(), "adds to"),
        ("adding to a number", b"\x80\x02K\x01NNs.".to_vec(), "adds to"),
        ("text that is no UTF-8", b"\x80\x02X\x02\x00\x00\x00\xff\xfe.".to_vec(), "UTF-8"),
        ("surrogate alone", b"\x80\x02V\\ud800\n.".to_vec(), "escape"),
        ("number of letters", b"\x80\x02Iabc\n.".to_vec(), "no number"),
        ("float of letters", b"\x80\x02Fabc\n.".to_vec(), "no number"),
        ("string without an end", b"\x80\x02S'abc\n.".to_vec(), "quoted"),
        ("line without an end", times(1 << 21, b"c"), "ends too early"),
        ("list in itself", b"\x80\x02]q\x00h\x00a.".to_vec(), "no estimator"),
        ("object in itself", b"\x80\x02csklearn.pipeline\nPipeline\n)\x81q\x00}X\x05\x00\x00\x00steps](X\x01\x00\x00\x00ah\x00\x86lasb.".to_vec(), ""),
        ("state that is a number", estimator(b"0K\x05"), "features"),
        ("coefficients that are a text", estimator(b"X\x05\x00\x00\x00coef_X\x01\x00\x00\x00as"), ""),
    ]
}

/// Estimators of which something is missing, or too much.
fn estimators() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let own = b"csklearn.linear_model\nRidge\n".to_vec();
    let mut deep = vec![0x80, 2];
    for _ in 0..200 {
        deep.extend(b"csklearn.pipeline\nPipeline\n)\x81}X\x05\x00\x00\x00steps](X\x01\x00\x00\x00a");
    }
    deep.push(b'N');
    deep.extend(times(200, b"\x86ab"));
    deep.push(b'.');
    vec![
        ("class for a model", [&own[..], b"."].concat(), ""),
        ("estimator without a state", [&b"\x80\x02"[..], &own, b")\x81."].concat(), "features"),
        ("pipelines in pipelines", deep, ""),
    ]
}

/// What is larger than it looks.
fn sizes() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    vec![
        ("array of 2^62 numbers", array("(I4611686018427387904\nt", "f8", ""), ""),
        ("array of 2^128 numbers", array("(I9223372036854775807\nI9223372036854775807\nt", "f8", ""), ""),
        ("array of negative length", array("(I-1\nt", "f8", ""), ""),
        ("array of empty texts", array("(I1073741825\nt", "U0", ""), ""),
        ("array without elements, long", array("(I0\nI4611686018427387904\nt", "f8", ""), ""),
        ("laughs in pairs", laughs(60, b"2\x86\x94"), "no estimator"),
        (
            "laughs by memory",
            [b"\x80\x02]q\x00".to_vec(), times(4000, b"](h\x00h\x00eq\x00"), b".".to_vec()].concat(),
            "no estimator",
        ),
        ("numbers without an end", [b"\x80\x02(".to_vec(), times(10 << 20, b"N")].concat(), ""),
        ("lists without an end", [b"\x80\x02".to_vec(), times(8 << 20, b"]")].concat(), ""),
        ("marks without an end", [b"\x80\x02".to_vec(), times(16 << 20, b"(")].concat(), "stack"),
        ("copies without an end", [b"\x80\x02N".to_vec(), times(24 << 20, b"2")].concat(), "stack"),
        ("one list of everything", [b"\x80\x02]N".to_vec(), times(8 << 20, b"02Na")].concat(), ""),
        ("names without an end", [b"\x80\x02".to_vec(), times(1 << 20, b"cnumpy\nndarray\n")].concat(), ""),
        ("pickles in pickles", nested(), "too deep"),
        ("bomb of zlib", bomb(), "decompressed"),
        ("half a file of zlib", bomb()[..600].to_vec(), "decompressed"),
        ("no file of gzip", b"\x1f\x8b\x08\x00rubbish".to_vec(), "decompressed"),
        ("no file of bzip2", b"BZh9rubbish".to_vec(), "decompressed"),
        ("no file of xz", b"\xfd7zXZ\x00rubbish".to_vec(), "decompressed"),
        (
            "no file of lzma",
            b"\x5d\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            "decompressed",
        ),
        ("no file of lz4", b"\x04\x22\x4d\x18rubbish".to_vec(), "decompressed"),
    ]
}

/// joblib's arrays of objects, each a pickle that begins with such an array.
fn nested() -> Vec<u8> {
    let wrapper = b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\x00\x00\x00dtypecnumpy\ndtype\nX\x02\x00\x00\x00O8\x85RX\x05\x00\x00\x00shapeK\x01\x85X\x05\x00\x00\x00orderX\x01\x00\x00\x00Cub";
    times(5000, wrapper)
}

/// 1 GiB of zeros.
fn bomb() -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        std::io::Write::write_all(&mut packed, &zeros).unwrap();
    }
    packed.finish().unwrap()
}

/// The most memory that this process has had.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[test]
fn what_is_wrong_is_an_error_and_takes_little_memory() {
    let cases = structures();
    let before = peak();
    let mut wrong = Vec::new();
    for (name, bytes, says) in &cases {
        let error = error(bytes);
        let said = error.to_string();
        let is_typed = matches!(error, EngineError::BrokenArtifact(_) | EngineError::UnknownFormat(_));
        if !is_typed || !said.contains(says) {
            wrong.push(format!("{name}: {said}"));
        }
        if let (Some(before), Some(after)) = (before, peak()) {
            assert!(after.saturating_sub(before) < MOST_MEMORY, "{name} takes {} bytes", after - before);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() + CALLS.split_whitespace().count() >= 160);
}
