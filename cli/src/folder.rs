//! Where this user's files are.

use std::fs;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use crate::fail::{Fail, Outcome};

/// The folder for this user: `$CANOPY_HOME`, else what the system provides for.
pub fn of_user() -> Outcome<PathBuf> {
    match std::env::var_os("CANOPY_HOME") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => ProjectDirs::from("", "", "canopy").map(|dirs| dirs.data_dir().to_owned()).ok_or_else(|| {
            Fail::failed("this user has no home folder: set CANOPY_HOME to a folder to keep meetings in")
        }),
    }
}

/// Makes a folder that only its owner can look into.
pub fn private(path: &Path) -> Outcome {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| Fail::failed(format!("{} can't be made: {error}", path.display())))
}
