//! Where the program keeps what must survive it: files that only their owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use fd_lock::RwLock;
use zeroize::Zeroizing;

use crate::fail::{Fail, Outcome};

/// More than any file that the program writes here.
const FILE_MAX: u64 = 4 << 20;

/// The folder for this user: `$CANOPY_HOME`, else what the system provides for.
pub fn folder() -> Outcome<PathBuf> {
    match std::env::var_os("CANOPY_HOME") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => ProjectDirs::from("", "", "canopy").map(|dirs| dirs.data_dir().to_owned()).ok_or_else(|| {
            Fail::failed("this user has no home folder: set CANOPY_HOME to a folder to keep meetings in")
        }),
    }
}

/// Reads a whole file; `None` if there is none.
pub fn read(path: &Path) -> Outcome<Option<Zeroizing<Vec<u8>>>> {
    let wrong = |error: io::Error| Fail::failed(format!("{} can't be read: {error}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_MAX).read_to_end(&mut bytes).map_err(wrong)?;
    Ok(Some(bytes))
}

/// Replaces a file as a whole, readable by its owner only: after a crash there is the old or the new one.
pub fn write(path: &Path, bytes: &[u8]) -> Outcome {
    let wrong = |error: io::Error| Fail::failed(format!("{} can't be written: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new("."));
    private_folder(folder)?;
    // A temporary file is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(wrong)?;
    file.write_all(bytes).map_err(wrong)?;
    file.as_file().sync_all().map_err(wrong)?;
    file.persist(path).map_err(|error| wrong(error.error))?;
    Ok(())
}

/// Overwrites a file and removes it. A file system that copies on write, or a disk that moves its blocks,
/// may keep the old ones.
pub fn erase(path: &Path) -> Outcome {
    let wrong = |error: io::Error| Fail::failed(format!("{} can't be erased: {error}", path.display()));
    let mut file = OpenOptions::new().write(true).open(path).map_err(wrong)?;
    let length = file.metadata().map_err(wrong)?.len().min(FILE_MAX);
    file.write_all(&vec![0; length as usize]).map_err(wrong)?;
    file.sync_all().map_err(wrong)?;
    fs::remove_file(path).map_err(wrong)
}

/// Runs `change` while no other process of this user changes what lies beside `path`.
pub fn locked<T>(path: &Path, change: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let lock = path.with_extension("lock");
    let wrong = |error: io::Error| Fail::failed(format!("{} can't be locked: {error}", lock.display()));
    private_folder(path.parent().unwrap_or(Path::new(".")))?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock).map_err(wrong)?;
    let mut lock_file = RwLock::new(file);
    let _guard = lock_file.write().map_err(wrong)?;
    change()
}

/// Makes a folder that only its owner can look into.
fn private_folder(path: &Path) -> Outcome {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| Fail::failed(format!("{} can't be made: {error}", path.display())))
}
