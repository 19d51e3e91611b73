//! Compiled code that somebody else put into the folder where it is kept. It would run outside the sandbox: that it
//! did not is told by which component answers, the one that was given to the host or the one whose code was planted.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use host_harness::{BuildError, CompiledCode, Host, embedded_component, inspect};

use super::{attacks, guest};
use crate::servers::local::unique;

/// Somebody else.
const NOBODY: u32 = 65_534;

/// A folder for compiled code, within one that goes with it.
struct Cache(PathBuf);

impl Cache {
    fn new() -> Self {
        let root = std::env::temp_dir().join(unique("milvus-compiled"));
        fs::create_dir(&root).expect("the temporary folder can be written");
        mode(&root, 0o755);
        let cache = Self(root);
        fs::create_dir(cache.folder()).expect("it was just made");
        mode(&cache.folder(), 0o700);
        cache
    }

    fn folder(&self) -> PathBuf {
        self.0.join("compiled")
    }

    /// A place beside the folder.
    fn beside(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Where the code of the guest lies.
    fn place(&self) -> PathBuf {
        self.folder().join(&forged().name)
    }

    /// Puts a file in that place.
    fn plant(&self, content: &[u8]) -> PathBuf {
        fs::write(self.place(), content).expect("the folder can be written");
        mode(&self.place(), 0o600);
        self.place()
    }

    fn host(&self) -> Host {
        build(guest(), &self.folder())
    }

    /// A host with the guest runs the guest, having compiled it, and left its code in place of what was there.
    async fn replaces(&self, why: &str) {
        let host = self.host();
        let CompiledCode::Kept { instead_of } = host.code() else {
            panic!("{why}: {:?}", host.code());
        };
        let said = instead_of.as_deref().unwrap_or_default();
        assert!(said.contains(why), "{said}, expected {why}");
        assert_eq!(who(&host).await, GUEST, "{why}");
        let stat = fs::symlink_metadata(self.place()).expect("the new file");
        assert!(stat.is_file(), "{why}");
        assert_eq!((stat.mode() & 0o7777, stat.nlink()), (0o600, 1), "{why}");
        let next = self.host();
        assert_eq!(*next.code(), CompiledCode::Read, "{why}");
        assert_eq!(who(&next).await, GUEST, "{why}");
    }

    /// A host with the guest runs the guest, having compiled it, and leaves the folder alone.
    async fn is_left_alone(&self, why: &str) {
        let before = self.files();
        let host = self.host();
        let CompiledCode::NotKept(said) = host.code() else {
            panic!("{why}: {:?}", host.code());
        };
        assert!(said.contains(why), "{said}, expected {why}");
        assert_eq!(who(&host).await, GUEST, "{why}");
        assert_eq!(self.files(), before, "{why}");
    }

    /// Names and contents.
    fn files(&self) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        let entries = fs::read_dir(self.folder()).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = paths
            .map(|path| (path.clone(), fs::read(path).ok()))
            .collect();
        files.sort();
        files
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn build(component: &'static [u8], folder: &Path) -> Host {
    Host::builder()
        .component(component)
        .cache(folder)
        .build()
        .expect("a cache never stands in the way")
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is there");
}

/// Gives a file away, which only root can.
fn give_away(path: &Path) {
    chown(path, Some(NOBODY), None).expect("these tests run as root");
}

const GUEST: &str = "the guest";
const PLANTED: &str = "the planted code";

/// Whose code runs. The guest was given to the host; the planted code is that of the plugin.
async fn who(host: &Host) -> &'static str {
    let tools = host.list_tools().await.expect("a list of tools");
    if tools.iter().any(|tool| tool.name == attacks::LEAVE_A_MARK) {
        GUEST
    } else if tools.iter().any(|tool| tool.name == "milvus_search") {
        PLANTED
    } else {
        panic!("neither of both: {tools:?}")
    }
}

/// Files that the best informed attacker would plant.
struct Forged {
    /// Name of the file with the guest's code.
    name: String,
    /// The guest's own file.
    honest: Vec<u8>,
    /// The file of another component under its own key.
    another: Vec<u8>,
    /// Code of another component under the guest's key, with a digest that is right.
    forged: Vec<u8>,
}

fn forged() -> &'static Forged {
    static FORGED: OnceLock<Forged> = OnceLock::new();
    FORGED.get_or_init(|| {
        let kept = |component| {
            let root = std::env::temp_dir().join(unique("milvus-compiled"));
            fs::create_dir(&root).expect("the temporary folder can be written");
            build(component, &root.join("compiled"));
            let mut files = fs::read_dir(root.join("compiled")).expect("it was made");
            let path = files.next().expect("one file").expect("an entry").path();
            let content = fs::read(&path).expect("the file");
            fs::remove_dir_all(root).expect("it is there");
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), content)
        };
        let (name, honest) = kept(guest());
        let (_, another) = kept(embedded_component());
        // The key, and the digest of the code: the code of the one behind the key of the other.
        let forged = [&honest[..32], &another[32..]].concat();
        Forged {
            name,
            honest,
            another,
            forged,
        }
    })
}

#[tokio::test]
async fn t62_code_is_compiled_once_and_kept_for_this_user_alone() {
    let root = Cache::new();
    fs::remove_dir(root.folder()).expect("it is empty");
    let first = root.host();
    assert_eq!(*first.code(), CompiledCode::Kept { instead_of: None });
    let second = root.host();
    assert_eq!(*second.code(), CompiledCode::Read);
    assert_eq!([who(&first).await, who(&second).await], [GUEST; 2]);
    let folder = fs::metadata(root.folder()).expect("it was made");
    assert_eq!(folder.mode() & 0o7777, 0o700);
    assert_eq!(root.files().len(), 1);
    let file = fs::metadata(root.place()).expect("it was made");
    assert_eq!(file.mode() & 0o7777, 0o600);
}

#[tokio::test]
async fn t62_the_planted_code_would_run_if_only_this_user_could_have_written_it() {
    // The control of the tests below: what they plant is code that the engine takes.
    let cache = Cache::new();
    cache.plant(&forged().forged);
    let host = cache.host();
    assert_eq!(*host.code(), CompiledCode::Read);
    assert_eq!(who(&host).await, PLANTED);
}

#[tokio::test]
async fn t62_a_link_in_place_of_the_code_is_not_followed() {
    let cache = Cache::new();
    let elsewhere = cache.beside("planted");
    fs::rename(cache.plant(&forged().forged), &elsewhere).expect("one file system");
    symlink(&elsewhere, cache.place()).expect("the folder can be written");
    cache.replaces("link").await;
    let untouched = fs::read(elsewhere).expect("it is still there");
    assert!(
        untouched == forged().forged,
        "nothing is written through it"
    );
}

#[tokio::test]
async fn t62_a_hard_link_to_the_code_is_not_used() {
    let cache = Cache::new();
    let other = cache.beside("planted");
    fs::hard_link(cache.plant(&forged().forged), &other).expect("one file system");
    cache.replaces("another name").await;
    assert!(fs::read(other).expect("it is still there") == forged().forged);
}

#[tokio::test]
async fn t62_code_that_others_may_write_or_read_is_not_used() {
    for bits in [0o620, 0o602, 0o660, 0o666, 0o640, 0o604] {
        let cache = Cache::new();
        mode(&cache.plant(&forged().forged), bits);
        cache.replaces(&format!("has mode {bits:o}")).await;
    }
}

#[tokio::test]
async fn t62_code_that_belongs_to_somebody_else_is_not_used() {
    let cache = Cache::new();
    give_away(&cache.plant(&forged().forged));
    cache.replaces("belongs to user 65534").await;
}

#[tokio::test]
async fn t62_what_is_no_regular_file_is_not_waited_for() {
    let cache = Cache::new();
    let made = Command::new("mkfifo").arg(cache.place()).status();
    assert!(made.expect("mkfifo is there").success());
    mode(&cache.place(), 0o600);
    cache.replaces("no regular file").await;

    let cache = Cache::new();
    fs::create_dir(cache.place()).expect("the folder can be written");
    cache.is_left_alone("directory").await;
}

#[tokio::test]
async fn t62_a_folder_that_is_open_to_others_is_not_used() {
    for bits in [
        0o770, 0o720, 0o702, 0o777, 0o1777, 0o750, 0o705, 0o710, 0o701,
    ] {
        let cache = Cache::new();
        cache.plant(&forged().forged);
        mode(&cache.folder(), bits);
        cache.is_left_alone("the folder has mode").await;
    }
}

#[tokio::test]
async fn t62_a_folder_of_somebody_else_is_not_used() {
    let cache = Cache::new();
    cache.plant(&forged().forged);
    give_away(&cache.folder());
    cache
        .is_left_alone("the folder belongs to user 65534")
        .await;
}

#[tokio::test]
async fn t62_a_link_in_place_of_the_folder_is_not_followed() {
    let cache = Cache::new();
    cache.plant(&forged().forged);
    fs::rename(cache.folder(), cache.beside("planted")).expect("one file system");
    symlink(cache.beside("planted"), cache.folder()).expect("it was moved away");
    cache.is_left_alone("irectory").await;
}

#[tokio::test]
async fn t62_a_folder_that_others_can_replace_is_not_used() {
    for bits in [0o775, 0o757, 0o777] {
        let cache = Cache::new();
        cache.plant(&forged().forged);
        mode(&cache.0, bits);
        cache.is_left_alone("others can replace").await;
    }
    let cache = Cache::new();
    cache.plant(&forged().forged);
    give_away(&cache.0);
    cache.is_left_alone("others can replace").await;
    // As the folder for temporary files of every system.
    let cache = Cache::new();
    cache.plant(&forged().honest);
    mode(&cache.0, 0o1777);
    assert_eq!(*cache.host().code(), CompiledCode::Read);
}

#[tokio::test]
async fn t62_code_that_is_not_whole_is_not_used() {
    let honest = &forged().honest;
    for length in [0, 1, 63, 64, 65, honest.len() / 2, honest.len() - 1] {
        let cache = Cache::new();
        cache.plant(&honest[..length]);
        cache.replaces("not whole").await;
    }
    let flips = [0, 40, 64, 1000, honest.len() / 2, honest.len() - 1];
    for (at, grown) in flips.map(|at| (at, false)).into_iter().chain([(0, true)]) {
        let cache = Cache::new();
        let mut content = honest.clone();
        if grown {
            content.push(0);
        } else {
            content[at] ^= 1;
        }
        cache.plant(&content);
        cache.replaces("not whole").await;
    }
}

#[tokio::test]
async fn t62_code_of_another_component_is_not_used_under_a_new_name() {
    let cache = Cache::new();
    cache.plant(&forged().another);
    cache.replaces("not for this").await;
}

#[test]
fn t62_what_is_swapped_while_hosts_start_is_not_used() {
    let cache = Cache::new();
    let (place, over) = (cache.place(), AtomicBool::new(false));
    let (honest, planted) = (cache.beside("honest"), cache.beside("planted"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut became = HashSet::new();
    std::thread::scope(|scope| {
        // What is there when it is opened may be the file of this user; when it is read, that of somebody else.
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                for (path, content, bits) in [
                    (&honest, &forged().honest, 0o600),
                    (&planted, &forged().forged, 0o666),
                ] {
                    fs::write(path, content).expect("the folder can be written");
                    mode(path, bits);
                    let _ = fs::rename(path, &place);
                }
                let _ = fs::remove_file(&place);
                let _ = symlink(&planted, &place);
            }
        });
        let _over = Over(&over);
        for _ in 0..40 {
            let host = cache.host();
            assert_eq!(runtime.block_on(who(&host)), GUEST, "{:?}", host.code());
            became.insert(format!("{:?}", host.code()));
        }
    });
    println!("{became:?}");
    assert!(became.len() > 1, "nothing was swapped: {became:?}");
}

/// Says that it is over, when it goes.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn t62_hosts_that_start_at_once_leave_one_whole_file() {
    let cache = Cache::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let code = cache.host().code().clone();
                let kept = CompiledCode::Kept { instead_of: None };
                assert!([CompiledCode::Read, kept].contains(&code), "{code:?}");
            });
        }
    });
    assert_eq!(cache.files().len(), 1);
    assert_eq!(*cache.host().code(), CompiledCode::Read);
}

#[tokio::test]
async fn t67_only_the_newest_files_of_compiled_code_are_kept() {
    let cache = Cache::new();
    for number in 0..40 {
        fs::write(cache.folder().join(format!("{number}.cwasm")), "old").expect("a file");
    }
    fs::write(cache.folder().join("notes.txt"), "not ours").expect("a file");
    assert_eq!(
        *cache.host().code(),
        CompiledCode::Kept { instead_of: None }
    );
    let names = cache.files();
    assert_eq!(names.len(), 17, "16 and what is not ours: {names:?}");
    assert!(cache.place().exists(), "the newest");
    assert!(cache.folder().join("notes.txt").exists());
    assert_eq!(*cache.host().code(), CompiledCode::Read);
}

#[test]
fn t64_a_component_that_is_not_the_pinned_one_is_not_run() {
    let cache = Cache::new();
    let digest = |bytes| inspect(bytes).expect("it may be loaded").digest;
    let (expected, came) = (digest(guest()), digest(embedded_component()));
    let build = |component: &'static [u8], pin: &str| {
        let host = Host::builder().component(component).digest(pin);
        host.cache(cache.folder()).build().map(|_| ())
    };
    for pin in [
        expected.clone(),
        format!("sha256:{}", expected.to_uppercase()),
    ] {
        build(guest(), &pin).expect("it is the pinned one");
    }
    // The code of the swapped one lies there already, and changes nothing.
    build(embedded_component(), &came).expect("it is the pinned one");
    for pin in [
        expected.as_str(),
        "",
        "sha256:",
        &came[..63],
        &format!("{came}0"),
        &format!("sha512:{came}"),
        &format!("sha256:sha256:{came}"),
    ] {
        let refused = build(embedded_component(), pin);
        let Err(BuildError::Digest {
            expected,
            came: told,
        }) = refused
        else {
            panic!("{pin}: {refused:?}")
        };
        assert_eq!((expected, told), (pin.to_owned(), format!("sha256:{came}")));
    }
}
