//! A real browser, driven by WebDriver: Debian's Chromium and its chromedriver.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::wd::{Capabilities, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{alone, now};

/// How long the page may take for anything.
const SOON: Duration = Duration::from_secs(40);

/// Tells a story that needs a browser, with the machine to itself. Where there can be none, whoever runs the tests says
/// why (`.ci/browser`), and it is left out.
pub fn story(told: impl Future<Output = ()>) {
    let why = std::env::var("CANOPY_NO_BROWSER").unwrap_or_default();
    if !why.is_empty() {
        return eprintln!("skipped: {why}");
    }
    let _machine = alone();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(told);
}

/// Chromedriver ends at once where another program takes the port that it has found free, before it has it.
const DRIVER_TRIES: usize = 5;

/// A running chromedriver and its port; none if it has ended.
fn start_driver() -> Option<(Child, String)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver is installed (make test does; or set CANOPY_NO_BROWSER to the reason why not)");
    let said = BufReader::new(driver.stdout.take().expect("its output is piped"));
    let port = said.lines().map_while(Result::ok).find_map(|line| {
        let port = line.trim_end_matches('.').rsplit_once("successfully on port ");
        port.map(|(_, port)| port.to_owned())
    });
    if port.is_none() {
        let _ = driver.kill();
        driver.wait().expect("it ends");
    }
    Some((driver, port?))
}

/// A Chromium with a camera that shows a film of ours.
pub struct Browser {
    pub client: Client,
    driver: Child,
    profile: TempDir,
}

impl Browser {
    /// Starts it; `film` is a Y4M file.
    pub async fn start(film: &Path, size: (u32, u32)) -> Browser {
        Browser::start_with(film, size, &[]).await
    }

    /// As [`Browser::start`], with more to say to Chromium.
    pub async fn start_with(film: &Path, size: (u32, u32), more: &[&str]) -> Browser {
        let (driver, port) =
            (0..DRIVER_TRIES).find_map(|_| start_driver()).expect("chromedriver says its port");
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            "--auto-select-desktop-capture-source=Entire screen",
            &format!("--use-file-for-fake-video-capture={}", film.display()),
            &format!("--user-data-dir={}", profile.path().display()),
            &format!("--window-size={},{}", size.0, size.1),
        ];
        let args = [&args[..], more].concat();
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".into(), json!({ "binary": chromium(), "args": args }));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts");
        Browser { client, driver, profile }
    }

    /// A word that all its processes have on their command lines.
    pub fn profile(&self) -> String {
        self.profile.path().display().to_string()
    }

    /// Opens an address in a window of its own, and gives its name.
    pub async fn open(&self, address: &str) -> WindowHandle {
        let window = self.client.new_window(false).await.expect("a window opens").handle;
        self.client.switch_to_window(window.clone()).await.expect("it is there");
        self.client.goto(address).await.expect("the page loads");
        window
    }

    /// What a script gives; it may wait.
    pub async fn run(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done, (error) => done({{ error: String(error) }}));"
        );
        let value = self.client.execute_async(&script, Vec::new()).await.expect("the script runs");
        assert!(value.get("error").is_none(), "{value}");
        value
    }

    /// Waits until a script gives something that counts as true, and gives it.
    pub async fn until(&self, what: &str, script: &str) -> Value {
        let end = now() + SOON;
        loop {
            let value = self.run(script).await;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            if now() > end {
                let seen =
                    self.run("return { text: document.body.innerText, stats: await canopy.stats() };").await;
                self.picture("failed").await;
                panic!("it did not come to pass: {what}\n{seen:#}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Clicks what has this name for those who can't see it.
    pub async fn click(&self, label: &str) {
        let script = format!(
            "const name = {label}; const found = [...(document.querySelector('dialog[open]') ?? document).querySelectorAll('button')].find((one) => one.offsetParent && (one.getAttribute('aria-label') ?? one.textContent.trim()).startsWith(name)); if (!found || found.disabled) return false; found.click(); return true;",
            label = Value::from(label)
        );
        self.until(&format!("a button '{label}'"), &script).await;
    }

    /// Presses a key.
    pub async fn press(&self, key: &str) {
        let press = KeyActions::new("keys".to_owned())
            .then(KeyAction::Down { value: key.chars().next().expect("a key") })
            .then(KeyAction::Up { value: key.chars().next().expect("a key") });
        self.client.perform_actions(press).await.expect("the key is pressed");
    }

    /// Comes in from the lobby, once camera and microphone are open.
    pub async fn join(&self) {
        let ready = "return document.querySelector('.lobby[data-settled] button[type=submit]:not(:disabled)') !== null";
        self.until("the lobby is ready", ready).await;
        self.click("Join the meeting").await;
    }

    /// Keeps a picture of the window, to be looked at.
    pub async fn picture(&self, name: &str) {
        let folder = target().join("page");
        std::fs::create_dir_all(&folder).expect("a folder for the pictures");
        let png = self.client.screenshot().await.expect("a picture of the window");
        std::fs::write(folder.join(name).with_extension("png"), png).expect("the picture can be kept");
    }

    /// Ends it in good order; whatever is still there goes with it.
    pub async fn end(self) {
        let faults = self.run("return (await globalThis.canopy?.stats())?.faults ?? []").await;
        assert_eq!(faults, json!([]), "the page's own code did nothing wrong");
        let _ = self.client.clone().close().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn target() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_canopy"));
    program.ancestors().nth(2).expect("programs are two folders down").to_owned()
}

fn chromium() -> &'static str {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("Chromium is installed")
}

/// SMPTE's seven bars at 75 %, as red, green and blue, from the left.
pub const BARS: [[u8; 3]; 7] =
    [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191]];

/// A film of the bars, 320 by 180, in the colours of BT.601: YUV4MPEG2, which Chromium's fake camera reads.
pub fn bars(folder: &Path) -> PathBuf {
    const SIZE: (usize, usize) = (320, 180);
    let yuv = |[r, g, b]: [u8; 3]| {
        let (r, g, b) = (f64::from(r) / 255.0, f64::from(g) / 255.0, f64::from(b) / 255.0);
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        let (u, v) = ((b - y) / 1.772, (r - y) / 1.402);
        [16.0 + 219.0 * y, 128.0 + 224.0 * u, 128.0 + 224.0 * v].map(|value: f64| value.round() as u8)
    };
    let plane = |width: usize, height: usize, part: usize| -> Vec<u8> {
        let row: Vec<u8> = (0..width).map(|x| yuv(BARS[x * 7 / width])[part]).collect();
        row.repeat(height)
    };
    let frame = [
        b"FRAME\n".to_vec(),
        plane(SIZE.0, SIZE.1, 0),
        plane(SIZE.0 / 2, SIZE.1 / 2, 1),
        plane(SIZE.0 / 2, SIZE.1 / 2, 2),
    ]
    .concat();
    let mut film = format!("YUV4MPEG2 W{} H{} F30:1 Ip A1:1 C420jpeg\n", SIZE.0, SIZE.1).into_bytes();
    film.extend(frame.repeat(30));
    let path = folder.join("bars.y4m");
    std::fs::write(&path, film).expect("the film can be written");
    path
}
