//! Where this program keeps what it can make again.

use std::path::{Path, PathBuf};

/// A folder of the user's cache (XDG Base Directory Specification 0.8), if there is one: it may not be there yet.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    // A relative one would be a folder of the working directory, which may come with code in it.
    let absolute = |path: &PathBuf| path.is_absolute();
    let cache = named.filter(absolute).or_else(|| home().filter(absolute));
    cache.map(|cache| cache.join("milvus-host"))
}
