//! Everything that can be asked for, and which roles may ask.

use crate::office::Role;
use Role::{
    Admin, Auditor, Carrier, Dispatcher, Driver, Keeper, Planner, Producer, Regulator, Station, Trunk,
};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident, $word:literal, $writes:literal, [$($role:ident),*];)*) => {
        /// Something that can be asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name),* }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// In words.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// Whether it changes anything.
            #[must_use]
            pub const fn writes(self) -> bool {
                match self { $(Self::$name => $writes),* }
            }

            const fn list(self) -> &'static [Role] {
                match self { $(Self::$name => &[$($role),*]),* }
            }
        }
    };
}

actions! {
    /// Sites, vehicles, drivers, carriers, the clock: the shared county.
    ReadCounty, "read the county", false,
        [Admin, Planner, Dispatcher, Station, Keeper, Driver, Carrier, Trunk, Producer, Auditor, Regulator];
    /// Where vehicles are: shared in the alliance.
    ReadFleet, "read positions", false,
        [Admin, Planner, Dispatcher, Station, Keeper, Driver, Carrier, Trunk, Auditor, Regulator];
    /// Orders, each role its own.
    ReadOrders, "read orders", false,
        [Admin, Planner, Dispatcher, Station, Keeper, Driver, Carrier, Trunk, Producer, Auditor, Regulator];
    /// New orders.
    PlaceOrders, "place orders", true, [Planner, Dispatcher, Station, Keeper, Carrier, Producer];
    /// Changes of orders.
    ChangeOrders, "change orders", true, [Dispatcher, Carrier];
    /// Steps of outbound acceptance.
    AcceptOrders, "accept parcels", true, [Dispatcher, Station, Keeper, Driver];
    /// How carriers' systems took their scans; a carrier sees its own.
    ReadCarrierScans, "read carriers' scans", false, [Admin, Dispatcher, Carrier, Auditor];
    /// Plans, trips and stops.
    ReadPlans, "read plans", false,
        [Admin, Planner, Dispatcher, Station, Keeper, Driver, Carrier, Trunk, Auditor, Regulator];
    /// Taking in, running, publishing.
    MakePlans, "make plans", true, [Planner];
    /// Moves within a plan.
    EditPlans, "edit plans", true, [Planner, Dispatcher];
    /// Positions by API.
    WritePositions, "report positions", true, [Dispatcher, Driver, Trunk];
    /// Scans.
    Scan, "scan", true, [Dispatcher, Station, Keeper, Driver, Trunk];
    /// Delivery.
    Prove, "deliver", true, [Dispatcher, Station, Keeper, Driver];
    /// Records of changes of hands.
    ReadHandovers, "read hand-overs", false,
        [Admin, Planner, Dispatcher, Station, Keeper, Driver, Carrier, Trunk, Auditor];
    /// Changes of hands.
    HandOver, "hand over", true, [Dispatcher, Station, Keeper, Driver, Carrier, Trunk];
    /// The queue.
    ReadExceptions, "read exceptions", false,
        [Admin, Planner, Dispatcher, Station, Trunk, Carrier, Auditor, Regulator];
    /// Reports of trouble.
    RaiseExceptions, "raise exceptions", true, [Dispatcher, Station, Keeper, Driver, Trunk];
    /// Repairs accepted or refused, exceptions closed.
    Repair, "repair", true, [Planner, Dispatcher];
    /// Messages with vehicles.
    ReadMessages, "read messages", false, [Admin, Dispatcher, Driver, Auditor];
    /// Messages to vehicles.
    SendMessages, "send messages", true, [Dispatcher];
    /// Notices and opt-outs.
    ReadNotices, "read notices", false, [Admin, Dispatcher, Auditor];
    /// Opting out and in.
    OptOut, "opt out", true, [Dispatcher, Station, Keeper, Carrier];
    /// Returns.
    Return, "return", true, [Dispatcher, Station, Keeper, Driver, Carrier];
    /// Returns, claims under way.
    ReadClaims, "read claims", false, [Admin, Dispatcher, Station, Carrier, Auditor];
    /// Claims.
    Claim, "claim", true, [Dispatcher, Station, Carrier];
    /// Settling claims.
    Settle, "settle claims", true, [Dispatcher];
    /// Cash in hands.
    ReadCash, "read cash", false, [Admin, Dispatcher, Station, Keeper, Driver, Auditor];
    /// Cash taken and counted.
    Cash, "take cash", true, [Dispatcher, Station, Keeper, Driver];
    /// Webhooks.
    ReadWebhooks, "read webhooks", false, [Admin, Carrier];
    /// Webhooks.
    WriteWebhooks, "set webhooks", true, [Admin, Carrier];
    /// Figures.
    ReadKpi, "read figures", false,
        [Admin, Planner, Dispatcher, Station, Carrier, Trunk, Auditor, Regulator];
    /// Moving a stepped clock.
    StepClock, "move the clock", true, [Admin, Dispatcher];
    /// People who may sign in.
    ReadUsers, "read users", false, [Admin, Auditor];
    /// People who may sign in.
    WriteUsers, "change users", true, [Admin];
    /// Keys of programs.
    ReadKeys, "read keys", false, [Admin, Auditor];
    /// Keys of programs.
    WriteKeys, "change keys", true, [Admin];
    /// The audit.
    ReadAudit, "read the audit", false, [Admin, Auditor];
    /// Everything at once.
    Export, "export", false, [Admin, Auditor];
    /// Forgetting a person.
    Erase, "erase a person", true, [Admin, Carrier];
    /// The live stream.
    Listen, "follow the stream", false,
        [Admin, Planner, Dispatcher, Station, Keeper, Driver, Carrier, Trunk, Auditor, Regulator];
    /// Signing out.
    Leave, "sign out", false,
        [Admin, Planner, Dispatcher, Station, Keeper, Driver, Carrier, Trunk, Producer, Auditor, Regulator];
}

impl Action {
    /// Roles that may ask for it.
    pub fn roles(self) -> impl Iterator<Item = Role> {
        self.list().iter().copied()
    }

    /// Whether a role may ask for it.
    #[must_use]
    pub fn allows(self, role: Role) -> bool {
        self.list().contains(&role)
    }
}
