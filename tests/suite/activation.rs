//! Sockets that are handed over, as systemd does: a server takes another's place, and no client is refused.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{fd::OwnedFd, unix::net::UnixListener},
    process::{Command, Stdio},
};

use futures_util::future::join_all;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::sync::watch;

use crate::common::{Binary, Client, Ended, Fixture, Program, Redis, get, run};

/// Sockets for a program to be started with, as its file descriptors 3 and 4.
enum Sockets {
    One(OwnedFd),
    Two(OwnedFd, OwnedFd),
}

/// The binary as systemd starts it: the shell becomes it, and so knows its process id.
fn with_sockets(sockets: Sockets, args: &[&str]) -> Command {
    let (count, moves) = match &sockets {
        Sockets::One(_) => ("1", "exec 3<&0 4<&- </dev/null"),
        Sockets::Two(..) => ("2", "exec 3<&0 4<&1 </dev/null >/dev/null"),
    };
    let binary = Binary::command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{moves}; export LISTEN_PID=$$; exec \"$@\""), "sh"]);
    command.arg(binary.get_program()).args(args).env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("LISTEN_FDS", count);
    match sockets {
        Sockets::One(first) => command.stdin(first).stdout(Stdio::null()),
        Sockets::Two(first, second) => command.stdin(first).stdout(second),
    };
    command
}

/// Starts it, and waits until it listens.
async fn serve(sockets: Sockets, args: &[&str]) -> Program {
    let mut program = Program::start_between(with_sockets(sockets, &[&["serve"], args].concat()));
    program.logs(", which was handed over").await;
    program
}

fn one(socket: impl Into<OwnedFd>) -> Sockets {
    Sockets::One(socket.into())
}

fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Connects, asks and leaves until it is told to end. Says how many times.
async fn come_and_go(url: String, end: watch::Receiver<bool>) -> u32 {
    let mut times = 0;
    while !*end.borrow() {
        let mut client = Client::connect(&url).await;
        client.call("get_ticker", json!({"exchange": "binance", "symbol": "BTC/USDT"})).await;
        times += 1;
    }
    times
}

#[tokio::test]
async fn a_server_is_replaced_again_and_again_and_nobody_is_refused() {
    const ROUNDS: u32 = 6;
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    let (listener, address) = bind();
    let (port, redis_url) = (address.port().to_string(), redis.url());
    let args = ["--port", &port, "--redis-url", &redis_url];
    let start = async || serve(one(listener.try_clone().unwrap()), &args).await;
    let url = format!("ws://{address}");
    let mut server = start().await;
    let (end, ending) = watch::channel(false);
    let clients: Vec<_> = (0..4).map(|_| tokio::spawn(come_and_go(url.clone(), ending.clone()))).collect();
    for round in 0..ROUNDS {
        // Whoever is there before is told that it goes.
        let mut witness = Client::connect(&url).await;
        witness.call("ping", json!({})).await;
        let side_by_side = if round % 2 == 0 { None } else { Some(start().await) };
        server.signal("TERM");
        assert_eq!(witness.receive_close().await.map(|frame| frame.code.into()), Some(1001), "round {round}");
        drop(witness);
        let ended = server.ended().await;
        assert_eq!(ended.code, Some(0), "round {round}: {ended:?}");
        assert!(!ended.stderr.contains("cut off"), "round {round}: {ended:?}");
        // Else as a service is restarted: nobody is there meanwhile, and newcomers wait.
        server = match side_by_side {
            Some(server) => server,
            None => start().await,
        };
    }
    end.send_replace(true);
    for times in join_all(clients).await {
        let times = times.unwrap();
        assert!(times > ROUNDS, "a client came {times} times");
    }
}

#[tokio::test]
async fn a_unix_socket_that_was_handed_over_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let also = format!("listen.also=[{{ unix = {path:?} }}]");
    let url = format!("unix:{}", path.display());
    for round in 0..2 {
        let args = ["--port", "0", "--redis-url", "redis://127.0.0.1:1", "--set", &also];
        let server = serve(one(listener.try_clone().unwrap()), &args).await;
        let ended = run(Binary::command(&["call", "ping", "--url", &url])).await;
        assert_eq!(ended.code, Some(0), "round {round}: {ended:?}");
        server.signal("TERM");
        assert_eq!(server.ended().await.code, Some(0));
        assert!(path.exists(), "the socket of whoever handed it over is gone");
    }
}

#[tokio::test]
async fn each_socket_serves_the_place_that_it_is_configured_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    fs::write(path("ca.pem"), authority.pem()).unwrap();
    fs::write(path("server.pem"), certificate.signed_by(&key, &authority).unwrap().pem()).unwrap();
    fs::write(path("server.key"), key.serialize_pem()).unwrap();

    let (metrics, metrics_address) = bind();
    let (encrypted, address) = bind();
    let tls = format!("tls = {{ certificate = {:?}, key = {:?} }}", path("server.pem"), path("server.key"));
    let config = format!(
        "[listen]\nport = 0\nalso = [{{ host = \"127.0.0.1\", port = {}, {tls} }}]\n\
         [http]\nmetrics_address = \"{metrics_address}\"\n[redis]\nurl = \"redis://127.0.0.1:1\"\n",
        address.port()
    );
    fs::write(path("config.toml"), config).unwrap();
    let sockets = Sockets::Two(metrics.into(), encrypted.into());
    let mut server =
        Program::start_between(with_sockets(sockets, &["serve", "--config", &path("config.toml")]));
    server.logs(&format!("listening on wss://{address}, which was handed over")).await;
    server.logs(&format!("listening on http://{metrics_address}/metrics, which was handed over")).await;
    let url = format!("wss://{address}");
    let ended = run(Binary::command(&["call", "ping", "--url", &url, "--ca", &path("ca.pem")])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(get(metrics_address, "/healthz", &[]).await.text(), "ok\n");
    server.signal("TERM");
    assert_eq!(server.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_socket_that_nothing_is_configured_for_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let unix = UnixListener::bind(&path).unwrap();
    let public = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let public_address = public.local_addr().unwrap();
    let public_port = public_address.port().to_string();
    let (local, local_address) = bind();
    let connection = TcpStream::connect(local_address).unwrap();
    let cases = [
        (
            one(local),
            vec!["--port", "0"],
            vec![
                format!(
                    "{local_address} was handed over as file descriptor 3 (api), and nothing is configured"
                ),
                "`listen.host` and `listen.port`, in `listen.also`, or as `http.metrics_address`".to_owned(),
            ],
        ),
        (
            one(unix),
            vec!["--port", "0"],
            vec![format!("{} was handed over", path.display()), "as `unix` in `listen.also`".to_owned()],
        ),
        // The one in the way is the one that was handed over.
        (
            one(public.try_clone().unwrap()),
            vec!["--port", &public_port],
            vec![format!("{public_address} was handed over")],
        ),
        // Whoever can be reached by others must want a login there too.
        (
            one(public),
            vec!["--host", "0.0.0.0", "--port", &public_port],
            vec![format!("{public_address} can be reached from other machines, and there is no login")],
        ),
        (
            one(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()),
            vec!["--port", "0"],
            vec!["file descriptor 3 (api) was handed over: it is no stream socket".to_owned()],
        ),
        (
            one(connection),
            vec!["--port", "0"],
            vec!["file descriptor 3 (api) was handed over: it does not listen".to_owned()],
        ),
    ];
    for (sockets, args, expected) in cases {
        let serve = [&["serve", "--redis-url", "redis://127.0.0.1:1"], args.as_slice()].concat();
        let mut command = with_sockets(sockets, &serve);
        command.env("LISTEN_FDNAMES", "api");
        let Ended { code, stderr, .. } = Program::start_between(command).ended().await;
        assert_eq!(code, Some(1), "{args:?}: {stderr}");
        for text in expected {
            assert!(stderr.contains(&text), "{args:?}: {stderr}");
        }
    }
}

#[tokio::test]
async fn what_is_handed_to_another_process_is_left_alone() {
    let mut command = Binary::command(&["demo", "--port", "0"]);
    command.env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    let mut program = Program::start(command);
    let line = program.logs("listening on ws://127.0.0.1:").await;
    assert!(!line.contains("handed over"), "{line}");
    // Less is there than is said.
    let (listener, _) = bind();
    let mut command = with_sockets(one(listener), &["demo", "--port", "0"]);
    command.env("LISTEN_FDS", "2");
    let ended = Program::start_between(command).ended().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES: "), "{ended:?}");
}
