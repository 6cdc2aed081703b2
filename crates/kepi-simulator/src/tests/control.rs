//! The port on which the platforms are seen and broken from outside.

use serde_json::json;

use super::http::{Ask, Reply, send, send_as};
use crate::{Network, Simulator, SimulatorConfig, Struck, World, WorldConfig};

async fn ask(url: &str, method: &str, path: &str, body: Option<&str>) -> Reply {
    send_as(method, url, path, Ask { body, ..Ask::default() }).await.unwrap()
}

fn text(reply: &Reply) -> &str {
    std::str::from_utf8(&reply.body).unwrap()
}

#[tokio::test]
async fn faults_are_switched_and_calls_are_counted() {
    static TOLD: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
    let tell = |struck: &Struck<'_>| {
        let told = format!("{} {} {}", struck.platform, struck.fault, struck.path);
        TOLD.lock().unwrap().push(told);
    };
    let config = SimulatorConfig { on_fault: Some(tell), ..SimulatorConfig::default() };
    let mut simulator = Simulator::start(World::new(WorldConfig::demo()), config).await.unwrap();
    let control = simulator.open_control().await.unwrap();
    let x = simulator.url("x").unwrap().to_owned();
    let status = async || ask(&x, "GET", "/2/users/me", None).await.status;

    let help = ask(&control, "GET", "/", None).await;
    assert!(text(&help).contains(&x) && text(&help).contains("silent-zeros"), "{}", text(&help));
    let on = ask(&control, "POST", "/faults", Some("x:status=503,times=1")).await;
    assert_eq!((on.status, text(&on)), (200, "x:status=503,times=1 is on\n"));
    assert_eq!((status().await, status().await), (503, 401));

    ask(&control, "POST", "/faults", Some("all:status=502")).await;
    assert_eq!(status().await, 502);
    ask(&control, "DELETE", "/faults/weibo", None).await;
    assert_eq!(status().await, 502);
    assert_eq!(ask(&control, "DELETE", "/faults", None).await.status, 200);
    assert_eq!(status().await, 401);

    let calls = ask(&control, "GET", "/calls", None).await.json();
    assert_eq!(calls["x"]["calls"], json!({"/2/users/me": 5}));
    assert_eq!(calls["x"]["statuses"], json!({"401": 2, "502": 2, "503": 1}));
    assert_eq!(calls["weibo"]["calls"], json!({}));
    let told = TOLD.lock().unwrap().clone();
    assert_eq!(told, ["x status=503 /2/users/me", "x status=502 /2/users/me", "x status=502 /2/users/me"]);

    for (method, path, body, code, words) in [
        ("POST", "/faults", Some("y:html-page"), 400, "hint: known: douyin"),
        ("POST", "/faults", Some("x:htm-page"), 400, "did you mean html-page?"),
        ("DELETE", "/faults/y", None, 400, "hint: known: douyin"),
        ("POST", "/sign-in", Some("x/nobody"), 400, "not an account of this world"),
        ("GET", "/nowhere", None, 404, "/calls"),
    ] {
        let reply = ask(&control, method, path, body).await;
        assert_eq!(reply.status, code, "{path}");
        assert!(text(&reply).contains(words), "{path}: {}", text(&reply));
    }
}

#[tokio::test]
async fn consents_are_given_by_who_is_signed_in_and_withdrawn() {
    let mut simulator =
        Simulator::start(World::new(WorldConfig::demo()), SimulatorConfig::default()).await.unwrap();
    let control = simulator.open_control().await.unwrap();
    let url = simulator.url("instagram").unwrap().to_owned();
    let second = simulator.world().accounts_of(Network::Instagram).nth(1).unwrap().clone();
    assert_eq!(ask(&control, "POST", "/sign-in", Some(second.id.as_str())).await.status, 200);

    let page = "/oauth/authorize?client_id=simulated-client&redirect_uri=https%3A%2F%2Fa.example%2F&state=s\
                &scope=instagram_business_basic%2Cinstagram_business_manage_insights";
    let back = ask(&url, "GET", page, None).await.header("location").unwrap().to_owned();
    let code = back.split_once("code=").unwrap().1.split(['&', '#']).next().unwrap();
    let form = format!(
        "client_id=simulated-client&client_secret=simulated-secret&grant_type=authorization_code\
         &redirect_uri=https%3A%2F%2Fa.example%2F&code={code}"
    );
    let given = ask(&url, "POST", "/oauth/access_token", Some(&form)).await;
    assert!(text(&given).contains(second.platform_id.as_str()), "{}", text(&given));

    let token = simulator.user_token(&second.id).unwrap();
    let path = format!("/v25.0/me?fields=user_id&access_token={token}");
    assert_eq!(ask(&url, "GET", &path, None).await.status, 200);
    assert_eq!(ask(&control, "POST", "/revoke", Some(second.id.as_str())).await.status, 200);
    assert_ne!(ask(&url, "GET", &path, None).await.status, 200);
}

#[tokio::test]
async fn ports_follow_each_other_and_a_taken_one_is_named() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let config = SimulatorConfig { first_port: Some(free), ..SimulatorConfig::default() };
    let world = || World::new(WorldConfig::demo());
    // Another program may have taken one of them meanwhile.
    let Ok(mut simulator) = Simulator::start(world(), config.clone()).await else { return };
    assert_eq!(simulator.url("x"), Some(format!("http://127.0.0.1:{free}").as_str()));
    let last = simulator.urls().count() as u16 + free;
    assert_eq!(simulator.open_control().await.ok(), Some(format!("http://127.0.0.1:{last}")));
    let taken = Simulator::start(world(), config).await.unwrap_err();
    assert!(taken.message().contains(&format!("port {free}")), "{taken}");
}

#[tokio::test]
async fn tokens_of_another_simulator_are_no_good() {
    let start = async |token_seed| {
        let config = SimulatorConfig { token_seed, ..SimulatorConfig::default() };
        Simulator::start(World::new(WorldConfig::demo()), config).await.unwrap()
    };
    let (one, other) = (start(Some(1)).await, start(Some(2)).await);
    let account = one.world().accounts_of(Network::X).next().unwrap().id.clone();
    let token = one.user_token(&account).unwrap();
    let status = async |of: &Simulator| {
        let ask = Ask { token: Some(&token), ..Ask::default() };
        send(of.url("x").unwrap(), "/2/users/me", ask).await.unwrap().status
    };
    assert_eq!((status(&one).await, status(&other).await), (200, 401));
}
