//! Reports as files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::{FORMAT, Report, page};

/// Why a report could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file can't be opened or read.
    #[error("{}: can't be read ({error}); give the report.json that `netsim run --out DIR` wrote", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is not what a run writes.
    #[error("{}: is no report ({error}); give the report.json that `netsim run --out DIR` wrote", path.display())]
    Json {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with line and column.
        error: serde_json::Error,
    },
    /// Another version of netsim wrote it.
    #[error("{}: is a report of format {found}, this netsim reads format {FORMAT}; run its scenario again", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// The number in it.
        found: u32,
    },
    /// The file or its directory can't be written.
    #[error("{}: can't be written ({error}); choose another directory with --out", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// What can be read of a report of any format.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

impl Report {
    /// Reads a `report.json`.
    pub fn read(path: &Path) -> Result<Report, FileError> {
        let text = fs::read_to_string(path).map_err(|error| FileError::Read { path: path.into(), error })?;
        let json = |error| FileError::Json { path: path.into(), error };
        let AnyFormat { format } = serde_json::from_str(&text).map_err(json)?;
        if format != FORMAT {
            return Err(FileError::Format { path: path.into(), found: format });
        }
        serde_json::from_str(&text).map_err(json)
    }

    /// The text of `report.json`: the same for the same run, but for `machine`.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string(self).expect("its keys are strings");
        text.push('\n');
        text
    }

    /// Writes `report.json` and `report.html` into a directory, which is made if it isn't there.
    /// Returns the path of the page.
    pub fn write(&self, directory: &Path) -> Result<PathBuf, FileError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            |error| FileError::Write { path, error }
        };
        fs::create_dir_all(directory).map_err(failed(directory))?;
        let json = directory.join("report.json");
        fs::write(&json, self.json()).map_err(failed(&json))?;
        let html = directory.join("report.html");
        fs::write(&html, page::html(self)).map_err(failed(&html))?;
        Ok(html)
    }
}
