//! Other values for keys of a scenario, as they are typed: `models.mesh_degree=8`.

use std::path::Path;
use std::str::FromStr;

use toml::{Table, Value};

use super::{Scenario, ScenarioError};

/// A key and a value that stands for the file's.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The key, with dots, as errors name it.
    pub key: String,
    /// Its value, as TOML writes it; a text needs no quotes.
    pub value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Setting, String> {
        let wrong = || format!("{text:?} sets nothing: write it as models.mesh_degree=8");
        let (key, value) = text.split_once('=').ok_or_else(wrong)?;
        if key.is_empty() || value.is_empty() {
            return Err(wrong());
        }
        Ok(Setting { key: key.to_owned(), value: value.to_owned() })
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Scenario {
    /// The same scenario with other values; the error names the key that is wrong. Rows of lists can't be set.
    pub fn with_settings(self, settings: &[Setting]) -> Result<Scenario, ScenarioError> {
        if settings.is_empty() {
            return Ok(self);
        }
        let file = self.file.clone();
        // What a scenario writes is a table, and what is put into it can be written.
        let mut whole: Table = self.to_toml().parse().expect("a scenario writes what can be read");
        for setting in settings {
            set(&mut whole, setting, &file)?;
        }
        Scenario::parse(&whole.to_string(), &file)
    }
}

fn set(whole: &mut Table, setting: &Setting, file: &Path) -> Result<(), ScenarioError> {
    let wrong = |why: String| ScenarioError::Set { file: file.to_path_buf(), key: setting.key.clone(), why };
    let (tables, key) = setting.key.rsplit_once('.').map_or(("", &*setting.key), |(above, key)| (above, key));
    let mut at = whole;
    for name in tables.split('.').filter(|name| !name.is_empty()) {
        let inner = at.entry(name).or_insert_with(|| Value::Table(Table::new()));
        at = inner.as_table_mut().ok_or_else(|| wrong(format!("{name} is no table")))?;
    }
    at.insert(key.to_owned(), value(&setting.value));
    Ok(())
}

/// A value as TOML reads it; whatever it can't read is a text.
fn value(text: &str) -> Value {
    let line: Result<Table, _> = format!("value = {text}").parse();
    line.ok().and_then(|mut line| line.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "title = \"t\"\nlength = \"5s\"\n[people]\ncount = 4\n[[sources]]\ncount = 1\nlayers = [\"audio\"]\n";

    fn set_in(text: &str) -> Result<Scenario, ScenarioError> {
        let setting = text.parse().expect("a setting");
        Scenario::parse(TEXT, "t.toml").expect("a scenario").with_settings(&[setting])
    }

    #[test]
    fn a_key_gets_another_value_whether_the_file_names_it_or_not() {
        assert_eq!(set_in("people.count=7").expect("in range").people.count, 7);
        assert_eq!(set_in("models.mesh_degree=8").expect("in range").models.mesh_degree, 8);
        assert_eq!(set_in("length=9s").expect("in range").length.as_secs(), 9);
        assert!(set_in("models.mesh_dont_want=true").expect("a truth").models.mesh_dont_want);
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        for (typed, key) in [
            ("models.mesh_degree=0", "models.mesh_degree"),
            ("models.nonsense=1", "nonsense"),
            ("title.x=1", "title.x"),
        ] {
            let error = set_in(typed).expect_err(typed).to_string();
            assert!(error.contains(key), "{error}");
        }
        assert!("models.mesh_degree".parse::<Setting>().is_err());
    }
}
