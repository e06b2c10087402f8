//! The list of a meeting that is too large to be held, and what is said beside the code when it changes. The meeting is
//! made up for the page's parts; the pages of a real one come from a real node.

use serde_json::json;

use super::Held;
use crate::browser::{self, Browser, story};

#[test]
fn a_large_meetings_list_comes_page_by_page_as_one_scrolls() {
    story(async {
        let meeting = Held::new();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let browser = Browser::start(&browser::bars(folder.path()), (1280, 800)).await;
        browser.client.goto(&meeting.addresses[0]).await.expect("the page loads");
        browser.join().await;
        browser.until("Olga is there", "return document.querySelectorAll('.tile').length === 2").await;

        browser
            .run(
                "const { Everybody } = await import('/ui/everybody.js');
                 const session = Object.assign(new EventTarget(), { asked: [], state: { code: '1', me: 'me', members: 70, people: [] } });
                 session.say = ({ page }) => session.asked.push(page);
                 const list = new Everybody(session, ({ name }) => { const row = document.createElement('li'); row.textContent = name; row.style.height = '40px'; return row; });
                 const box = document.createElement('div');
                 Object.assign(box.style, { position: 'fixed', inset: '0 auto auto 0', height: '300px', overflow: 'auto' });
                 box.append(list.element); document.body.append(box);
                 const names = (page, count, mark) => Array.from({ length: count }, (_, n) => ({ id: `${page}${n}`, name: `${mark}${page * 32 + n}`, role: 'guest' }));
                 const come = (page, count, mark) => session.dispatchEvent(new CustomEvent('page', { detail: { page, pages: 3, people: names(page, count, mark) } }));
                 globalThis.trial = { session, box, list, come };
                 list.refresh();",
            )
            .await;
        let asked = |pages: &str| format!("return JSON.stringify(trial.session.asked) === '{pages}'");
        browser.until("the first page is asked for", &asked("[0]")).await;
        browser.run("trial.come(0, 32, 'a')").await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(browser.run(&asked("[0]")).await, true, "what nobody scrolls to isn't asked for");
        browser.run("trial.box.scrollTop = 1e6").await;
        browser.until("the second page is asked for", &asked("[0,1]")).await;
        browser.until("what does not come is asked for again", &asked("[0,1,1]")).await;
        browser.run("trial.come(1, 32, 'a'); trial.box.scrollTop = 1e6").await;
        browser.until("the third page is asked for", &asked("[0,1,1,2]")).await;
        browser.run("trial.come(2, 6, 'a')").await;
        let rows = "return trial.list.list.childElementCount";
        assert_eq!(browser.run(rows).await, json!(70));

        // Somebody left: what is shown is asked for anew, and stands until it comes.
        browser
            .run("trial.session.asked.length = 0; Object.assign(trial.session.state, { code: '2', members: 69 }); trial.list.refresh()")
            .await;
        browser.until("the first page is asked for again", &asked("[0]")).await;
        assert_eq!(browser.run(rows).await, json!(70));
        browser.run("trial.come(0, 31, 'b')").await;
        browser.until("and the second", &asked("[0,1]")).await;
        let shown = browser.run("return [...trial.list.list.children].map((row) => row.textContent)").await;
        assert_eq!((&shown[0], &shown[31]), (&json!("b0"), &json!("a32")));

        // What changed, in words, since the code was seen last.
        browser
            .run(
                "const { Code } = await import('/ui/code.js');
                 const person = (id, name) => ({ id, name });
                 const state = { code: '11111 22222', members: 3, people: [person('a', 'Ada'), person('b', 'Ben')] };
                 const meeting = { session: { state }, compared: () => new Set(), compare: () => {} };
                 const code = new Code(meeting);
                 const says = () => (code.changes.hidden ? '' : code.changes.textContent);
                 globalThis.trial = { code, state, says, person };
                 code.opened(); code.refresh();",
            )
            .await;
        assert_eq!(browser.run("return trial.says()").await, "");
        browser
            .run("Object.assign(trial.state, { code: '33333', people: [trial.person('a', 'Ada'), trial.person('c', 'Cho')] }); trial.code.refresh()")
            .await;
        let says = browser.run("return trial.says()").await;
        assert_eq!(says, "Another code than you saw last: Cho joined; Ben left.");
        let again = "trial.code.compare(); trial.code.refresh(); return trial.says()";
        assert_eq!(browser.run(again).await, "", "it was compared");

        // A real node answers with real names. It takes the meeting from the tab.
        let script = "return await new Promise((done) => {
            const socket = new WebSocket(`ws://${location.host}/socket`, ['canopy.1', `token.${sessionStorage.getItem('canopy.token')}`]);
            const say = (message) => socket.send(JSON.stringify(message));
            socket.onopen = () => { say({ type: 'hello', version: 1, nowUs: 1 }); say({ type: 'page', page: 0 }); };
            socket.onmessage = ({ data }) => { const message = typeof data === 'string' ? JSON.parse(data) : {}; if (message.type === 'page') done(message); };
        })";
        let come = browser.run(script).await;
        let mut names: Vec<_> =
            come["people"].as_array().into_iter().flatten().map(|one| one["name"].clone()).collect();
        names.sort_by_key(ToString::to_string);
        // Ben is in the lobby still: a member, who has said no name.
        assert_eq!((&come["pages"], names), (&json!(1), vec![json!(""), json!("Ada"), json!("Olga")]));
        browser.end().await;
    });
}
