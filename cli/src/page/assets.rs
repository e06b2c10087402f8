//! The page's files, as they lie in `cli/page`: part of the program, so that nothing is loaded from elsewhere.

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal $kind:ident $file:literal;)*) => {
        const FILES: &[(&str, &str, &[u8])] = &[$(($path, $kind, include_bytes!(concat!("../../page/", $file)))),*];
    };
}

files! {
    "/" HTML "index.html";
    "/icon.svg" SVG "icon.svg";
    "/dom.js" SCRIPT "dom.js";
    "/main.js" SCRIPT "main.js";
    "/relay" HTML "relay.html";
    "/relay.js" SCRIPT "relay.js";
    "/names.js" SCRIPT "names.js";
    "/session.js" SCRIPT "session.js";
    "/token.js" SCRIPT "token.js";
    "/trusted.js" SCRIPT "trusted.js";
    "/units.js" SCRIPT "units.js";
    "/media/capture-worklet.js" SCRIPT "media/capture-worklet.js";
    "/media/colour.js" SCRIPT "media/colour.js";
    "/media/decode.js" SCRIPT "media/decode.js";
    "/media/devices.js" SCRIPT "media/devices.js";
    "/media/encode.js" SCRIPT "media/encode.js";
    "/media/frame.js" SCRIPT "media/frame.js";
    "/media/layers.js" SCRIPT "media/layers.js";
    "/media/pictures.js" SCRIPT "media/pictures.js";
    "/media/play-worklet.js" SCRIPT "media/play-worklet.js";
    "/media/sound.js" SCRIPT "media/sound.js";
    "/media/worker.js" SCRIPT "media/worker.js";
    "/style/base.css" CSS "style/base.css";
    "/style/lending.css" CSS "style/lending.css";
    "/style/lobby.css" CSS "style/lobby.css";
    "/style/meeting.css" CSS "style/meeting.css";
    "/style/network.css" CSS "style/network.css";
    "/style/panels.css" CSS "style/panels.css";
    "/style/relay.css" CSS "style/relay.css";
    "/ui/bar.js" SCRIPT "ui/bar.js";
    "/ui/chat.js" SCRIPT "ui/chat.js";
    "/ui/code.js" SCRIPT "ui/code.js";
    "/ui/everybody.js" SCRIPT "ui/everybody.js";
    "/ui/lending.js" SCRIPT "ui/lending.js";
    "/ui/lobby.js" SCRIPT "ui/lobby.js";
    "/ui/looks.js" SCRIPT "ui/looks.js";
    "/ui/meeting.js" SCRIPT "ui/meeting.js";
    "/ui/network.js" SCRIPT "ui/network.js";
    "/ui/people.js" SCRIPT "ui/people.js";
    "/ui/sheet.js" SCRIPT "ui/sheet.js";
    "/ui/stage.js" SCRIPT "ui/stage.js";
    "/ui/tile.js" SCRIPT "ui/tile.js";
    "/ui/toasts.js" SCRIPT "ui/toasts.js";
}

/// The file at a path, and what kind it is.
pub fn find(path: &str) -> Option<(&'static str, &'static [u8])> {
    FILES.iter().find(|(at, ..)| *at == path).map(|(_, kind, bytes)| (*kind, *bytes))
}
