//! Where the program keeps what must survive it: files that only their owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use fd_lock::RwLock;
use zeroize::Zeroizing;

use crate::fail::{Fail, Outcome};
use crate::folder;

/// More than any file that the program writes here.
const FILE_MAX: u64 = 4 << 20;

/// Reads a whole file; `None` if there is none.
pub fn read(path: &Path) -> Outcome<Option<Zeroizing<Vec<u8>>>> {
    let wrong = |error: io::Error| Fail::failed(format!("{} can't be read: {error}", path.display()));
    loop {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error)),
        };
        let mut bytes = Zeroizing::new(Vec::new());
        (&mut file).take(FILE_MAX).read_to_end(&mut bytes).map_err(wrong)?;
        // One that was replaced meanwhile may be half overwritten.
        if is_at(&file, path).map_err(wrong)? {
            return Ok(Some(bytes));
        }
    }
}

/// Replaces a file as a whole, readable by its owner only: after a crash there is the old or the new one. The old one
/// is overwritten then.
pub fn write(path: &Path, bytes: &[u8]) -> Outcome {
    let wrong = |error: io::Error| Fail::failed(format!("{} can't be written: {error}", path.display()));
    let beside = path.parent().unwrap_or(Path::new("."));
    folder::private(beside)?;
    // A temporary file is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(beside).map_err(wrong)?;
    file.write_all(bytes).map_err(wrong)?;
    file.as_file().sync_all().map_err(wrong)?;
    let old = OpenOptions::new().write(true).open(path).ok();
    file.persist(path).map_err(|error| wrong(error.error))?;
    if let Some(Err(error)) = old.map(overwrite) {
        tracing::warn!("what {} held before can't be overwritten: {error}", path.display());
    }
    Ok(())
}

/// Overwrites a file and removes it. A file system that copies on write, or a disk that moves its blocks,
/// may keep the old ones.
#[cfg(feature = "ffmpeg")]
pub fn erase(path: &Path) -> Outcome {
    let wrong = |error: io::Error| Fail::failed(format!("{} can't be erased: {error}", path.display()));
    OpenOptions::new().write(true).open(path).and_then(overwrite).map_err(wrong)?;
    fs::remove_file(path).map_err(wrong)
}

fn overwrite(mut file: File) -> io::Result<()> {
    let length = file.metadata()?.len().min(FILE_MAX);
    file.write_all(&vec![0; length as usize])?;
    file.sync_all()
}

/// True while no other file took this one's place.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let there = match fs::metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let here = file.metadata()?;
    Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
}

/// Elsewhere the system refuses to replace a file that is being read.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Runs `change` while no other process of this user changes what lies beside `path`.
pub fn locked<T>(path: &Path, change: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let lock = path.with_extension("lock");
    let wrong = |error: io::Error| Fail::failed(format!("{} can't be locked: {error}", lock.display()));
    folder::private(path.parent().unwrap_or(Path::new(".")))?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock).map_err(wrong)?;
    let mut lock_file = RwLock::new(file);
    let _guard = lock_file.write().map_err(wrong)?;
    change()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_held_before_is_overwritten_and_whoever_reads_meanwhile_gets_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meetings").join("one");
        write(&path, &[1; 5_000]).unwrap();
        let mut before = File::open(&path).unwrap();
        write(&path, &[2; 3_000]).unwrap();
        let mut left = Vec::new();
        before.read_to_end(&mut left).unwrap();
        assert_eq!(left, [0; 5_000]);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for byte in 3..120 {
                    write(&path, &vec![byte; 4_000]).unwrap();
                }
            });
            while !writer.is_finished() {
                let bytes = read(&path).unwrap().unwrap();
                assert!(bytes[0] > 0 && bytes.iter().all(|byte| *byte == bytes[0]), "half of one");
            }
        });
        erase(&path).unwrap();
        assert!(read(&path).unwrap().is_none());
    }
}
