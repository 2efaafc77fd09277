//! A complete gateway: JT/T 808 on TCP and UDP, durable before acknowledged, drained on Ctrl-C.
//!
//! `cargo run -p xiangyun-telematics --features gateway --example gateway -- DIR [ADDRESS]`

use std::error::Error;
use xiangyun_telematics::gateway::{Clocks, Config, Gateway};
use xiangyun_telematics::segments::{Folder, NoSink, PositionLog};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut config = Config::in_folder(args.next().unwrap_or_else(|| "positions".to_owned()));
    let address = args.next().unwrap_or_else(|| "127.0.0.1:7808".to_owned()).parse()?;
    (config.tcp, config.udp) = (Some(address), Some(address));

    let clocks = Clocks::system();
    let log = PositionLog::open(Folder::open(&config.dir)?, config.segments(clocks.wall.clone()), NoSink)?;
    let mut gateway = Gateway::start(&config, log, clocks).await?;
    println!("listening on {}", gateway.tcp().expect("it was configured"));

    let mut notices = gateway.notices().expect("nobody took them before");
    tokio::spawn(async move {
        while let Some(notice) = notices.recv().await {
            println!("{notice:?}");
        }
    });
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = gateway.failed() => return Err("the position log failed; start again to recover".into()),
    }
    let counts = gateway.drain().await;
    println!("{} positions stored", counts.links.positions);
    Ok(())
}
