//! The namespaces of a node: network, mounts and processes. When the first process in them ends, the kernel ends all others, and with
//! them go the network and the mounts.

use super::super::Missing;
use super::super::control_plane::failed;
use super::super::place::{Place, ROOM};
use super::super::program::Program;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long the kernel may take to end everything.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the first process does: `/var` and `/run` become the node's own, and the settings that kubelet would change for the whole
/// machine are covered by files that have what it wants. It then takes in processes whose parents ended, which need no waiting for.
const FIRST: &str = r#"
set -e
cd "$1"
mkdir -p var/lib var/log var/tmp var/cache sysctl
ln -sfn /run var/run
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind var /var
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  path=/proc/sys/${setting%=*} file=sysctl/$(basename "${setting%=*}")
  [ -e "$path" ] || continue
  echo "${setting#*=}" > "$file"
  mount --bind "$file" "$path"
done
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
: > ready
trap '' CHLD
exec sleep infinity
"#;

/// The namespaces, and the pair of devices that joins them with the machine's network.
#[derive(Debug)]
pub(super) struct Sandbox {
    holder: Program,
    first: u32,
    name: String,
    place: Place,
    dir: PathBuf,
}

impl Sandbox {
    /// Makes them; the node's files are in `dir`.
    pub fn start(dir: &Path) -> Result<Self, Missing> {
        let log = dir.join("node.log");
        let dir_text = dir.display().to_string();
        let arguments =
            ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", FIRST];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
        arguments.extend(["node".to_owned(), dir_text]);
        let holder = Program::start(Path::new("unshare"), &arguments, &log).map_err(failed("unshare"))?;
        holder.wait("the node's namespaces", || dir.join("ready").exists())?;
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let children = fs::read_to_string(children).map_err(failed("the node's first process"))?;
        let first = children.trim().parse().map_err(failed("the node's first process"))?;
        let (name, place) = join(first)?;
        let sandbox = Self { holder, first, name, place, dir: dir.to_owned() };
        sandbox.connect()?;
        Ok(sandbox)
    }

    /// Gives both ends addresses, and says on each side what is on the other.
    fn connect(&self) -> Result<(), Missing> {
        let place = &self.place;
        let Some(node) = place.node.map(|node| node.to_string()) else { return Ok(()) };
        let host = place.host.to_string();
        ip(&["address", "add", &format!("{host}/24"), "dev", &self.name])?;
        ip(&["link", "set", &self.name, "up"])?;
        ip(&["route", "add", &place.services, "via", &node])?;
        ip(&["route", "add", &place.pods, "via", &node])?;
        self.ip(&["address", "add", &format!("{node}/24"), "dev", "eth0"])?;
        self.ip(&["link", "set", "eth0", "up"])?;
        // Never used as it stands: kube-proxy's rules lead these addresses to pods. But without a route nothing is sent.
        self.ip(&["route", "add", &place.services, "via", &host])
    }

    /// Runs `ip` in the node's network.
    fn ip(&self, arguments: &[&str]) -> Result<(), Missing> {
        let first = self.first.to_string();
        run("nsenter", &[&["-t", &first, "-n", "ip"], arguments].concat())
    }

    /// Starts a program in the namespaces.
    pub fn run(&self, name: &'static str, path: &Path, arguments: &[String]) -> Result<Program, Missing> {
        let log = self.dir.join(format!("{name}.log"));
        let first = self.first.to_string();
        let mut all: Vec<String> = ["-t", &first, "-n", "-m", "-p", "--"].map(str::to_owned).into();
        all.push(path.display().to_string());
        all.extend_from_slice(arguments);
        Program::start(Path::new("nsenter"), &all, &log).map_err(failed(name))
    }

    /// A name that no other node of this machine has now.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its addresses.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The process that holds it.
    pub fn id(&self) -> u32 {
        self.holder.id()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = ip(&["link", "delete", &self.name]);
        if self.holder.runs() {
            // SAFETY: the holder, which runs, has not waited for this child of its own, so that the number is still the child's.
            #[allow(unsafe_code)]
            unsafe {
                libc::kill(self.first as libc::pid_t, libc::SIGKILL);
            }
        }
        // The holder ends once all that was in the namespaces is gone.
        let started = Instant::now();
        while self.holder.runs() && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Joins a process's network with the machine's, by a pair of devices with a name that is free.
fn join(first: u32) -> Result<(String, Place), Missing> {
    let first = first.to_string();
    let mut refused = Missing("no network".to_owned());
    for number in 0..ROOM {
        let name = format!("berth{number}");
        match ip(&["link", "add", &name, "type", "veth", "peer", "name", "eth0", "netns", &first]) {
            Ok(()) => return Ok((name, Place::with_node(number))),
            Err(why) => refused = why,
        }
    }
    Err(refused)
}

fn ip(arguments: &[&str]) -> Result<(), Missing> {
    run("ip", arguments)
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Missing> {
    let done =
        Command::new(program).args(arguments).output().map_err(|e| Missing(format!("{program}: {e}")))?;
    if done.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(Missing(format!("{program} {}: {why}", arguments.join(" "))))
}
