//! What the models of other systems are set to, see [`crate::model`].

use serde::{Deserialize, Serialize};

use super::LayerName;

/// One setting for each thing that a model would be tuned by. The defaults are what sweeps found, see
/// `docs/netsim.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Models {
    /// The largest picture that receivers ask for.
    pub main: LayerName,
    /// What the star's server can send, kbit/s.
    pub star_kbps: u32,
    /// The most children of a node in one random tree.
    pub tree_children: u32,
    /// Peers that the mesh pushes each frame to: gossipsub's D.
    pub mesh_degree: u32,
    /// Peers of each topic that are told each second what there is: gossipsub's D_lazy.
    pub mesh_lazy: u32,
    /// True if who has a frame tells its mesh that it wants no other copy: gossipsub 1.2.
    pub mesh_dont_want: bool,
}

impl Default for Models {
    fn default() -> Models {
        Models {
            main: LayerName::P720,
            star_kbps: 1_000_000,
            tree_children: 8,
            mesh_degree: 6,
            mesh_lazy: 6,
            mesh_dont_want: false,
        }
    }
}
