//! A scenario: the file that says who meets, over what network, and what goes wrong. `docs/netsim.md` documents
//! it key by key.

mod check;
mod error;
mod faults;
mod keys;
mod media;
mod models;
mod network;
mod people;
mod scale;
mod settings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use check::{LENGTH, PEOPLE, RELAYS};
pub use error::ScenarioError;
pub use faults::{FaultSpec, Target, What};
pub use keys::Keys;
pub use media::{BetweenTurns, LayerName, Media, Sources, Speech};
pub use models::Models;
pub use network::{Geography, Mode, Network};
pub use people::{Arrive, Crowd, Mix, NatShares, People, Relays};
pub use settings::Setting;

/// A meeting to be simulated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Where it was read; tables that it names are looked for beside it.
    #[serde(skip)]
    pub file: PathBuf,
    /// What it is called in reports.
    pub title: String,
    /// What it shows.
    #[serde(default)]
    pub about: String,
    /// How long is simulated.
    #[serde(with = "humantime_serde")]
    pub length: Duration,
    /// Delays are told of frames that are published from then on: everybody has come and found a place.
    #[serde(default, with = "humantime_serde")]
    pub settle: Duration,
    /// Participants.
    pub people: People,
    /// Where they are.
    #[serde(default)]
    pub geography: Geography,
    /// How the network behaves.
    #[serde(default)]
    pub network: Network,
    /// What layers cost.
    #[serde(default)]
    pub media: Media,
    /// Who speaks when.
    #[serde(default)]
    pub speech: Speech,
    /// Whether keys are agreed.
    #[serde(default)]
    pub keys: Keys,
    /// What baselines are set to.
    #[serde(default)]
    pub models: Models,
    /// How much of it tests run.
    #[serde(default)]
    pub short: Option<Short>,
    /// People who come together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crowds: Vec<Crowd>,
    /// Volunteers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relays: Vec<Relays>,
    /// Who sends what.
    pub sources: Vec<Sources>,
    /// What goes wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultSpec>,
    /// What does not hold yet, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Expected>,
}

/// The shortened form that tests run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Short {
    /// See [`Scenario::with_people`].
    pub people: u32,
    /// See [`Scenario::with_length`].
    #[serde(with = "humantime_serde")]
    pub length: Duration,
}

/// An invariant that the overlay does not keep in this scenario yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The checker's name.
    pub invariant: String,
    /// What stands in the way.
    pub why: String,
}

impl Scenario {
    /// Reads and checks a file.
    pub fn read(path: impl AsRef<Path>) -> Result<Scenario, ScenarioError> {
        let file = path.as_ref();
        let text = std::fs::read_to_string(file)
            .map_err(|source| ScenarioError::Read { file: file.to_path_buf(), source })?;
        Scenario::parse(&text, file)
    }

    /// Parses and checks a text; errors and tables that it names refer to `file_name`.
    pub fn parse(text: &str, file_name: impl AsRef<Path>) -> Result<Scenario, ScenarioError> {
        let file = file_name.as_ref().to_path_buf();
        let mut scenario: Scenario = toml::from_str(text).map_err(|wrong| {
            let span = wrong.span().unwrap_or_default();
            ScenarioError::Key {
                file: file.clone(),
                line: error::line_at(text, span.start),
                key: error::key_at(text, span, wrong.message()),
                why: wrong.message().to_owned(),
            }
        })?;
        scenario.file = file;
        scenario.check().map_err(|wrong| ScenarioError::Key {
            file: scenario.file.clone(),
            line: error::line_of_key(text, &wrong.key),
            key: wrong.key,
            why: wrong.why,
        })?;
        Ok(scenario)
    }

    /// The same scenario as a text that [`Scenario::parse`] reads. Paths of tables stay as they are: the text
    /// belongs into the same folder.
    pub fn to_toml(&self) -> String {
        // Strings, integers, lists and tables: nothing of what TOML cannot say.
        toml::to_string(self).expect("a scenario is made of what TOML can say")
    }

    /// The file's name without its ending.
    pub fn name(&self) -> String {
        self.file.file_stem().map_or_else(|| self.title.clone(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Volunteers of all kinds.
    pub fn relay_count(&self) -> u32 {
        self.relays.iter().map(|kind| kind.count).sum()
    }

    /// Participants who send.
    pub fn source_count(&self) -> u32 {
        self.sources.iter().map(|kind| kind.count).sum()
    }

    /// Participants who send sound.
    pub fn voices(&self) -> u32 {
        let with_sound = self.sources.iter().filter(|kind| kind.layers.contains(&LayerName::Audio));
        with_sound.map(|kind| kind.count).sum()
    }

    /// Participants who come in crowds.
    pub fn crowd_count(&self) -> u32 {
        self.crowds.iter().map(|crowd| crowd.people).sum()
    }

    /// Where a table is that the scenario names.
    pub(crate) fn beside(&self, table: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(table)
    }
}
