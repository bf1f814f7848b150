// Made of docs/reference/openapi.json by `cargo xtask console`.

export interface paths {
    "/v1/about": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What answers here, and what the caller may do. */
        get: operations["about"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/applications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Applications in pages. */
        get: operations["applications"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/applications/{namespace}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One application: its peers, where they run, and the best nodes of its next replica. */
        get: operations["application"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/calls": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the calls of each loaded policy took in the last hour. */
        get: operations["calls"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/decisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The last decisions, newest first. */
        get: operations["all"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/decisions/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Decisions as they are made, as server-sent events: `hello` with the run of the process, then `decision` with a summary each, also
         *     when more became known of one. A comment says every 15 seconds that somebody is still there.
         */
        get: operations["follow"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The times that can be asked for with `at`, and how much traffic went how far then. */
        get: operations["history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/map": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The cluster as a picture needs it: zones, nodes, the heaviest flows between both, applications. */
        get: operations["map"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/nodes/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One node: its room, its applications, and whom they talk to on it and elsewhere. */
        get: operations["node"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/policies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is loaded, what was refused lately, and what can be rolled back to. */
        get: operations["list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/policies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The revisions of one policy. */
        get: operations["show"];
        /**
         * Takes the component in the body; answers when it has its place, or was refused.
         * @description Also `parameters.KEY=VALUE` and `limits.KEY=N` are parameters.
         */
        put: operations["submit"];
        post?: never;
        /** Removes all revisions of a policy. */
        delete: operations["remove"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/policies/{name}/weigh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The same artefact under the same settings, and another weight. */
        post: operations["weigh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/policies/{name}/{mode}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives the newest revision another mode. */
        post: operations["set_mode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Goes back to the newest earlier set that scored. */
        post: operations["roll_back"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/shadow": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the shadows compare with what answers. */
        get: operations["shadow"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What answers here, and what the caller may do. */
        About: {
            /** @description How callers are known: `loopback`, `token`, `certificate`, `token and certificate` or `kubernetes`. */
            access: string;
            /** @description Whether the caller may change policies: `update`, in the words of the cluster's roles. */
            changes: boolean;
            /**
             * Format: int64
             * @description How far back `at` can go.
             */
            history_seconds: number;
            /** @description `sources`, `snapshot-file` or `demo`. */
            origin: string;
            version: string;
        };
        /**
         * @description How a decision compares with where the pod went.
         * @enum {string}
         */
        Agreement: "agrees" | "differs" | "empty" | "unknown";
        /** @description Bytes per second by how far they go; each byte is in one of the five. */
        Amounts: {
            /**
             * Format: double
             * @description To another region.
             */
            across_regions: number;
            /**
             * Format: double
             * @description To another zone of the region.
             */
            across_zones: number;
            /**
             * Format: double
             * @description With an end that has no pod on any node.
             */
            unplaced: number;
            /**
             * Format: double
             * @description Both ends on one node.
             */
            within_node: number;
            /**
             * Format: double
             * @description To another node of the zone.
             */
            within_zone: number;
        };
        /** @description A policy that answers requests. */
        Answering: components["schemas"]["Mode"] & {
            name: components["schemas"]["PolicyName"];
            /** Format: double */
            weight: number;
        };
        /** @description One application, its peers, and where its next replica would go. */
        ApplicationAnswer: components["schemas"]["ApplicationView"] & {
            next_replica: components["schemas"]["NextReplica"] | null;
        };
        /** @description A page of applications. */
        ApplicationList: {
            items: components["schemas"]["ApplicationRow"][];
            /** @description How many are on the pages before. */
            offset: number;
            /** @description How many there are on all pages. */
            total: number;
        };
        /** @description A node that an application runs on. */
        ApplicationNode: {
            /**
             * Format: double
             * @description Bytes per second of the application's pods here with other nodes.
             */
            beyond: number;
            node: string;
            /**
             * Format: int32
             * @description Of this application.
             */
            pods: number;
            /**
             * Format: double
             * @description Bytes per second of the application's pods here with both ends here.
             */
            within: number;
            zone: string | null;
        };
        /** @description One application of a list. */
        ApplicationRow: components["schemas"]["Amounts"] & {
            /**
             * @description `namespace/name`. Names that are longer than Kubernetes allows are cut here and wherever they are shown, with an ellipsis; one
             *     that is cut can be asked for.
             */
            application: string;
            /** @description How many nodes they are on. */
            nodes: number;
            /**
             * Format: int32
             * @description Running or starting.
             */
            pods: number;
        };
        /** @description One application. */
        ApplicationView: {
            /** @description `namespace/name`. */
            application: string;
            /**
             * Format: int64
             * @description What one pod requests.
             */
            cpu_millicores: number;
            /** @description Whether calls to it go to its pods on the caller's node, where it has any. */
            local_routing: boolean;
            /**
             * Format: int64
             * @description What one pod requests.
             */
            memory_bytes: number;
            /** @description Those with most of its traffic first, at most 100. */
            nodes: components["schemas"]["ApplicationNode"][];
            nodes_left_out: number;
            /** @description Those with most traffic first, at most 100. */
            peers: components["schemas"]["Peer"][];
            peers_left_out: number;
            /**
             * Format: int32
             * @description Running or starting.
             */
            pods: number;
            /**
             * Format: int32
             * @description Those that its controllers want, or those that there are if that is more.
             */
            replicas: number;
            /** @description What it calls and what calls it. */
            totals: components["schemas"]["Amounts"];
        };
        /** @description The best node of a decision. */
        Best: {
            node: string;
            /**
             * Format: double
             * @description In the unit of the policy, such as bytes per second.
             */
            raw: number;
            /** Format: int32 */
            score: number;
        };
        /** @description The calls of one loaded revision, for answers and as a shadow. */
        CallReport: components["schemas"]["CallSteps"] & {
            name: string;
            revision: components["schemas"]["RevisionId"];
        };
        /** @description Calls of the last hour by column, the oldest first; steps without a call are left out. */
        CallSteps: {
            /** @description When each step began, in seconds since the Unix epoch. */
            at: number[];
            /** @description For answers, or as a shadow. */
            calls: number[];
            /** @description Calls that failed. */
            faults: number[];
            /** @description Mean time of a call, instantiation included. */
            mean_microseconds: number[];
            /** @description Most linear memory of a call that returned; 0 where none did. */
            most_memory_bytes: number[];
            /** @description Longest time of a call. */
            most_microseconds: number[];
            /**
             * Format: int32
             * @description Seconds that calls of one step are apart at most.
             */
            step_seconds: number;
        };
        /** @description What an operation did. */
        ChangeOutcome: {
            /** @description What answers now. */
            answering: components["schemas"]["Answering"][];
            /** @description Whether it is a new one; the same operation again changes nothing. */
            changed: boolean;
            entry: components["schemas"]["Entry"] | null;
            /**
             * Format: int64
             * @description The generation that answers now.
             */
            generation: number;
        };
        /** @description What was answered for one pod, and why. */
        Decision: {
            /** @description The pod's application, if it has one. */
            application: string | null;
            /**
             * Format: double
             * @description Seconds since the Unix epoch.
             */
            at: number;
            /** @description Whether it was answered by the canary. */
            canary: boolean;
            /** @description How many nodes the scheduler offered. */
            candidates: number;
            /** @description Who asked. */
            door: components["schemas"]["Door"];
            empty: components["schemas"]["Empty"] | null;
            /**
             * Format: double
             * @description Age of the flows that were used, in seconds.
             */
            flows_age_seconds: number | null;
            /**
             * Format: int64
             * @description Which generation of the policies answered.
             */
            generation: number;
            /** @description By which the pod names it, where it does. */
            id?: string | null;
            /** @description How many of them were named in the answer. */
            named: number;
            /** @description The best nodes, best first. */
            nodes: components["schemas"]["NodeScore"][];
            /** @description What came of it, where that is more than the scores. */
            outcome?: string | null;
            /** @description `namespace/name` of the pod. */
            pod: string;
            /** @description Which policies were asked. */
            policies: components["schemas"]["PolicyDecision"][];
            /**
             * Format: int64
             * @description From the decoded request to the answer, in microseconds.
             */
            took_microseconds: number;
        };
        /**
         * @description Where a question came in.
         * @enum {string}
         */
        Door: "extender" | "admission";
        /** @description What answered before. */
        EarlierSet: {
            answering: components["schemas"]["Answering"][];
            /** Format: int64 */
            generation: number;
        };
        /**
         * @description Why an answer names no node. None of these is an error to the scheduler: it decides alone. Named in metric labels and
         *     JSON in kebab-case.
         * @enum {string}
         */
        Empty: "no-preference" | "no-metrics" | "stale-metrics" | "policy-fault" | "no-policy" | "overloaded" | "deadline";
        /** @description One revision of one policy, as it should be. */
        Entry: components["schemas"]["Mode"] & {
            /** @description Who submitted it. */
            by: string;
            /** @description Why it was rolled back, if it was; it stays where it is until somebody acts. */
            degraded?: string | null;
            /** @description The artefact, `sha256:...`. */
            digest: string;
            name: components["schemas"]["PolicyName"];
            /** @description Where it came from. */
            origin: components["schemas"]["Origin"];
            /** @description Which artefact with which settings. */
            revision: components["schemas"]["RevisionId"];
            /** @description How it runs and counts. */
            settings: components["schemas"]["Settings"];
            /** @description Whether its signature was checked when it came, and who made it. */
            signature: components["schemas"]["Signature"];
            /**
             * Format: double
             * @description When it was submitted, in seconds since the Unix epoch.
             */
            since: number;
        };
        EntryReport: components["schemas"]["Entry"] & {
            /** @description Why it is saved and not loaded; it is tried again from time to time. */
            not_restored?: string | null;
            /** @description Where it is in its life. */
            state: components["schemas"]["State"];
            /** @description Its own sentence about itself. */
            summary?: string | null;
            /** @description The version that it gives itself; absent while it is on its way in. */
            version?: string | null;
        };
        /** @description What the body of such an answer is. */
        ErrorBody: {
            /** @description A sentence: what is wrong, and what to do. */
            error: string;
        };
        /** @description One addend of a node's score, in the words of the policy that made it. */
        ExplainedPart: {
            /**
             * Format: double
             * @description How much it is, in the unit of the policy's raw score.
             */
            amount: number;
            /** @description What the addend is. */
            label: string;
            /** @description The peer that it is about, if it is about one. */
            peer?: string | null;
            policy: string;
        };
        /** @description What two applications exchange on one node; each pair is there once. */
        FlowWithin: {
            /** @description The first of the two by name. */
            application: string;
            /**
             * Format: double
             * @description Both directions.
             */
            bytes_per_second: number;
            /** @description The same where its pods call one another, or themselves. */
            peer: string;
        };
        /** @description One moment that can be asked for. */
        Frame: components["schemas"]["Amounts"] & {
            /**
             * Format: double
             * @description When it was, in seconds since the Unix epoch.
             */
            at: number;
            /**
             * Format: int32
             * @description Running or starting.
             */
            pods: number;
        };
        /**
         * @description What a policy may import beyond the log.
         * @enum {string}
         */
        Grant: "wasi";
        /** @description The times that can be asked for. */
        HistoryAnswer: {
            /** @description Memory that it takes, and that it may take. */
            bytes: number;
            /** @description The oldest first. */
            frames: components["schemas"]["Frame"][];
            /**
             * Format: int64
             * @description Seconds from one frame to the next.
             */
            interval_seconds: number;
            most_bytes: number;
            /** Format: double */
            newest: number | null;
            /**
             * Format: double
             * @description Seconds since the Unix epoch; `null` where nothing is kept.
             */
            oldest: number | null;
        };
        /**
         * @description What says which nodes could take another replica.
         * @enum {string}
         */
        Judge: "scheduler-filters" | "requests";
        /** @description The limits of one policy. All hold for each call on its own, since every call has a store of its own. */
        Limits: {
            /**
             * Format: int32
             * @description Size of the artefact in MiB. Rust and C policies are tens of kB; interpreted languages bring megabytes.
             * @default 64
             */
            artefact_mib: number;
            /**
             * Format: int64
             * @description Wall-clock time of one call in milliseconds. A good policy needs a tenth of one.
             * @default 50
             */
            deadline_ms: number;
            /**
             * Format: int32
             * @description Linear memory of one call in MiB, over all memories of the component. NetMARKS uses less than 2 at 5,000
             *     nodes.
             * @default 64
             */
            memory_mib: number;
            /**
             * Format: int32
             * @description What one call may hand back in KiB. 5,000 scores are 40 kB.
             * @default 1024
             */
            output_kib: number;
        };
        /** @description The cluster at one moment. */
        MapAnswer: components["schemas"]["MapView"] & {
            missing: components["schemas"]["Missing"] | null;
        };
        /** @description The cluster at one moment. */
        MapView: {
            /** @description Those with most traffic between nodes, at most 50. */
            applications: components["schemas"]["ApplicationList"];
            /**
             * Format: double
             * @description When the flows were measured, in seconds since the Unix epoch.
             */
            at: number | null;
            node_flows: components["schemas"]["NodeFlows"];
            nodes: components["schemas"]["NodeColumns"];
            placements: components["schemas"]["Placements"] | null;
            /** @description Of the flows that were asked for, wherever their nodes are. */
            totals: components["schemas"]["Amounts"];
            /** @description The heaviest first, at most 200. */
            zone_flows: components["schemas"]["ZoneFlow"][];
            /** @description At most 64. */
            zones: components["schemas"]["ZoneView"][];
        };
        /** @description Why there are no flows, and where to look further. */
        Missing: {
            /** @description The line of `netmarks doctor` that says more; `null` for a file and for the demo, behind which there is nothing to examine. */
            doctor: string | null;
            reason: components["schemas"]["Reason"];
            /** @description A sentence. */
            says: string;
        };
        /** @description Who listens to a policy. */
        Mode: {
            /** @enum {string} */
            mode: "active";
        } | {
            /** @enum {string} */
            mode: "canary";
            /**
             * Format: int32
             * @description How many of them, 1 to 99 of 100.
             */
            percent: number;
        } | {
            /** @enum {string} */
            mode: "shadow";
        } | {
            /** @enum {string} */
            mode: "ready";
        };
        /** @description The best nodes of an application's next replica. */
        NextReplica: {
            /** @description Nodes that could take another replica. */
            candidates: number;
            empty: components["schemas"]["Empty"] | null;
            /** @description Why the policies did not answer, if they did not. */
            fault: string | null;
            /** @description By what. */
            judged_by: components["schemas"]["Judge"];
            /** @description The best first, at most 5. */
            nodes: components["schemas"]["NodeScore"][];
            /** @description The policies that answered, as `NAME@REVISION`. */
            policy_set: string;
        };
        /** @description An application on a node. */
        NodeApplication: {
            /** @description `namespace/name`. */
            application: string;
            /**
             * Format: double
             * @description Bytes per second of these pods with other nodes.
             */
            beyond: number;
            /**
             * Format: int32
             * @description On this node.
             */
            pods: number;
            /**
             * Format: double
             * @description Bytes per second of these pods with both ends here.
             */
            within: number;
        };
        /** @description Nodes by column, in the order of their zones and names. */
        NodeColumns: {
            /** @description Bytes per second with one end on another node. */
            beyond: number[];
            /** @description 1 where it takes no pod that does not tolerate it. */
            closed: number[];
            /** @description What its pods request of the CPU that they may, per mille; -1 where that is unknown. */
            cpu: number[];
            /** @description Nodes that were asked for and are not here: those with the least traffic. */
            left_out: number;
            /** @description 0 where it is unknown. */
            max_pods: number[];
            /** @description The same of memory. */
            memory: number[];
            /** @description The rest of each name. */
            names: string[];
            pods: number[];
            /** @description What all names begin with. */
            prefix: string;
            /** @description What all names end with. */
            suffix: string;
            /** @description Bytes per second with both ends here. */
            within: number[];
            /** @description Indexes into `zones`. */
            zone: number[];
        };
        /** @description What an application on a node exchanges with another one elsewhere. */
        NodeFlow: {
            /** @description The one on this node. */
            application: string;
            /**
             * Format: double
             * @description Both directions.
             */
            bytes_per_second: number;
            peer: string;
            peer_node: string;
        };
        /** @description The pairs of nodes that exchange most, by column, heaviest first; at most 600. */
        NodeFlows: {
            /** @description Both directions. */
            bytes_per_second: number[];
            /** @description 1 within a zone, 2 across zones, 3 across regions. */
            distance: number[];
            /** @description Indexes into the columns of `nodes`, the lower. */
            from: number[];
            /** @description How many pairs of the nodes exchange anything. */
            pairs: number;
            /**
             * Format: double
             * @description The share, 0 to 1, of the bytes between the nodes that these pairs carry; `null` where nothing goes between them.
             */
            shown: number | null;
            /** @description The higher. */
            to: number[];
        };
        /** @description Another node. */
        NodePeer: {
            /**
             * Format: double
             * @description Both directions.
             */
            bytes_per_second: number;
            /**
             * Format: int32
             * @description 1 within the zone, 2 across zones, 3 across regions.
             */
            distance: number;
            node: string;
            zone: string | null;
        };
        /** @description One node of an answer, with its reasons. */
        NodeScore: {
            node: string;
            /** @description What the policies themselves say of it; only where somebody asked. */
            parts?: components["schemas"]["ExplainedPart"][];
            /** @description The peers on the node, the largest weight first. */
            peers: components["schemas"]["PeerShare"][];
            /** @description Each policy's part, where several answer; one alone is `raw`. */
            policies?: components["schemas"]["PolicyShare"][];
            /**
             * Format: double
             * @description What the policy returned, in its own unit (bytes per second for NetMARKS); where several answer, the sum of
             *     their weighted shares, 0 to 1.
             */
            raw: number;
            /**
             * Format: int32
             * @description What kube-scheduler is told: 0 to the top of the scale.
             */
            score: number;
        };
        /** @description One node. */
        NodeView: {
            /** @description Those with most traffic first, at most 200. */
            applications: components["schemas"]["NodeApplication"][];
            applications_left_out: number;
            /** @description Whether it takes no pod that does not tolerate it. */
            closed: boolean;
            cpu_millicores: components["schemas"]["Room"];
            /** @description From and to other nodes, the heaviest first, at most 100. */
            flows: components["schemas"]["NodeFlow"][];
            /** @description With both ends here, the heaviest first, at most 100. */
            flows_within: components["schemas"]["FlowWithin"][];
            /**
             * Format: int32
             * @description 0 where it is unknown.
             */
            max_pods: number;
            memory_bytes: components["schemas"]["Room"];
            node: string;
            /** @description Those with most traffic first, at most 50. */
            peers: components["schemas"]["NodePeer"][];
            peers_left_out: number;
            /**
             * Format: int32
             * @description Running or starting.
             */
            pods: number;
            region: string | null;
            /** @description Of the flows with an end here. */
            totals: components["schemas"]["Amounts"];
            zone: string | null;
        };
        /**
         * @description How a policy's raw scores become shares from 0 to 1.
         *
         *     | normalisation | raw 30, 20, 10 | raw -10, 0, 10 | all equal, 7 |
         *     |---------------|----------------|----------------|--------------|
         *     | max           | 1, 0.67, 0.33  | 0, 0.5, 1      | 1            |
         *     | min-max       | 1, 0.5, 0      | 0, 0.5, 1      | 0            |
         *     | rank          | 1, 0.5, 0      | 0, 0.5, 1      | 0            |
         *     | none          | 1, 1, 1        | 0, 0, 1        | 1            |
         * @enum {string}
         */
        Normalisation: "max" | "min-max" | "rank" | "none";
        /**
         * @description What happens to the others when a policy fails.
         * @enum {string}
         */
        OnFault: "skip" | "neutral";
        /** @enum {string} */
        Order: "beyond" | "total" | "pods" | "name";
        /**
         * @description Where a policy came from. A name belongs to one origin: what one place manages, another does not change.
         * @enum {string}
         */
        Origin: "configuration" | "folder" | "upload" | "kubernetes";
        /** @description A value as the operator wrote it. */
        ParameterValue: boolean | number | string;
        /** @description An application that another one talks to. */
        Peer: components["schemas"]["Amounts"] & {
            /** @description `namespace/name`. */
            application: string;
            /**
             * Format: double
             * @description Calls made by the peer, in bytes per second.
             */
            inbound: number;
            /**
             * Format: double
             * @description Calls made to the peer, in bytes per second.
             */
            outbound: number;
            /**
             * Format: int32
             * @description Running or starting.
             */
            pods: number;
        };
        /** @description What one peer adds to one node. */
        PeerShare: {
            application: string;
            /**
             * Format: double
             * @description Calls made by the peer, in bytes per second.
             */
            inbound_bytes_per_second: number;
            /**
             * Format: double
             * @description Calls made to the peer, in bytes per second.
             */
            outbound_bytes_per_second: number;
            /**
             * Format: int32
             * @description Its pods on the node.
             */
            pods: number;
        };
        /** @description How many pods of which application are on which node, by column. */
        Placements: {
            /** @description Indexes into `applications`. */
            application: number[];
            /** @description `namespace/name`; the empty one is of pods without an application. */
            applications: string[];
            /** @description Indexes into the columns of `nodes`. */
            node: number[];
            pods: number[];
        };
        /** @description What one policy did for a decision; its scores are with the nodes. */
        PolicyDecision: {
            /** @description Its artefact, `sha256:...`. */
            digest: string;
            /** @description Its fault with all its causes, if it failed. */
            fault: string | null;
            policy: string;
        };
        /** @description A policy's name: a DNS label, so that it fits into paths, file names, metrics and Kubernetes. */
        PolicyName: string;
        /** @description What one policy said of one node. */
        PolicyShare: {
            policy: string;
            /**
             * Format: double
             * @description What it returned, in its own unit.
             */
            raw: number;
            /**
             * Format: double
             * @description What that became, 0 to 1; times the weight, it is its part of the whole.
             */
            share: number;
            /**
             * Format: double
             * @description Relative to the others'.
             */
            weight: number;
        };
        /** @enum {string} */
        Reason: "no-pods" | "no-metrics-source" | "metrics-not-answered" | "metrics-failing" | "no-flows";
        /** @description Everything that a registry knows. */
        RegistryReport: {
            /** @description Sets that `rollback` can go back to, the newest first. */
            earlier: components["schemas"]["EarlierSet"][];
            /**
             * Format: int64
             * @description Which generation answers.
             */
            generation: number;
            /** @description What there is and what is on its way in or out, by name. */
            policies: components["schemas"]["EntryReport"][];
            /** @description What was refused lately, the newest first. */
            rejected: components["schemas"]["Rejection"][];
        };
        /** @description A submission that was refused. */
        Rejection: {
            /**
             * Format: double
             * @description When, in seconds since the Unix epoch.
             */
            at: number;
            /** @description Who submitted it. */
            by: string;
            /** @description The artefact, `sha256:...`. */
            digest: string;
            /** @description Under which name. */
            name: string;
            reason: string;
        };
        /** @description A decision as it is remembered. */
        Remembered: components["schemas"]["Decision"] & {
            /** @description The node that the pod was seen on; `null` as long as it was on none. */
            chosen: string | null;
            /** @description Names it, as `RUN-NUMBER`. */
            serial: string;
        };
        /** @description Names a revision: 12 hexadecimal digits over digest and settings, so that two replicas that run the same say so. */
        RevisionId: string;
        /** @description What there is of one resource; all 0 where it is unknown. */
        Room: {
            /** Format: int64 */
            allocatable: number;
            /** Format: int64 */
            requested: number;
        };
        /** @description How a policy runs, and how its scores count beside those of others. */
        Settings: {
            /**
             * @description What it may import beyond the log.
             * @default []
             */
            grants: components["schemas"]["Grant"][];
            /**
             * @description What one call may use.
             * @default {
             *       "artefact_mib": 64,
             *       "deadline_ms": 50,
             *       "memory_mib": 64,
             *       "output_kib": 1024
             *     }
             */
            limits: components["schemas"]["Limits"];
            /**
             * @description How its raw scores become shares.
             * @default max
             */
            normalisation: components["schemas"]["Normalisation"];
            /**
             * @description What happens to the others when it fails.
             * @default skip
             */
            on_fault: components["schemas"]["OnFault"];
            /**
             * @description Its own settings.
             * @default {}
             */
            parameters: {
                [key: string]: components["schemas"]["ParameterValue"];
            };
            /**
             * Format: double
             * @description Its share of the whole, relative to the other active policies; above 0.
             * @default 1
             */
            weight: number;
        };
        /** @description How a shadow compares with what answers, over all requests since it became one. */
        ShadowReport: {
            /** @description Traffic of a pod that stays on its node if it goes where the active set wants it: bytes per second, per request. */
            active_local_bytes_per_second: components["schemas"]["Spread"];
            /**
             * Format: int64
             * @description Requests on which it failed.
             */
            faults: number;
            /** @description Its last fault. */
            last_fault?: string | null;
            /**
             * Format: double
             * @description `shadow / active - 1` of the means: what would change.
             */
            local_bytes_change: number | null;
            name: string;
            /**
             * Format: int64
             * @description Requests for which it would have chosen another node.
             */
            other_node: number;
            /**
             * Format: double
             * @description The same as a share of `requests`, 0 to 1.
             */
            other_node_ratio: number;
            /**
             * Format: int64
             * @description Median time of its calls, in microseconds.
             */
            p50_microseconds: number;
            /**
             * Format: int64
             * @description 99th percentile.
             */
            p99_microseconds: number;
            /**
             * Format: double
             * @description Spearman's rank correlation of the two rankings, mean over all requests in which both preferred something:
             *     1 is the same order, -1 the reverse.
             */
            rank_correlation: number | null;
            /**
             * Format: int64
             * @description Requests that both scored.
             */
            requests: number;
            revision: components["schemas"]["RevisionId"];
            /** @description The same where the shadow wants it. */
            shadow_local_bytes_per_second: components["schemas"]["Spread"];
        };
        /** @description What was found out about the signature of an artefact when it was submitted. */
        Signature: {
            /** @enum {string} */
            check: "verified";
            /** @description Who made it: the id of a trusted key, or the identity of a certificate of a trusted authority. */
            signed_by: string;
        } | {
            /** @enum {string} */
            check: "no-trusted-keys";
        } | {
            /** @enum {string} */
            check: "configuration";
        } | {
            /** @enum {string} */
            check: "unknown";
        };
        /** @description A quantity over many requests. */
        Spread: {
            /**
             * Format: double
             * @description Standard deviation.
             */
            deviation: number;
            /** Format: double */
            mean: number;
        };
        /**
         * @description Where a revision is in its life.
         * @enum {string}
         */
        State: "received" | "checked" | "compiled" | "tried" | "ready" | "shadow" | "canary" | "active" | "draining" | "gone" | "rejected";
        /** @description A decision in brief. */
        Summary: {
            /** @description Whether that is one of the best; `null` where it is not known, or no node has a score. */
            agrees: boolean | null;
            /** @description `NAMESPACE/NAME`. */
            application: string | null;
            /**
             * Format: double
             * @description Seconds since the Unix epoch.
             */
            at: number;
            best: components["schemas"]["Best"] | null;
            canary: boolean;
            /** @description Nodes that were offered. */
            candidates: number;
            /** @description The node that the pod was seen on. */
            chosen: string | null;
            door: components["schemas"]["Door"];
            empty: components["schemas"]["Empty"] | null;
            /** @description How many of them failed. */
            faults: number;
            /** Format: int64 */
            generation: number;
            /** @description Nodes that have a score. */
            named: number;
            /** @description `NAMESPACE/NAME`. */
            pod: string;
            /** @description Those that were asked. */
            policies: string[];
            /** @description Names it. */
            serial: string;
            /** Format: int64 */
            took_microseconds: number;
        };
        /** @description What two zones exchange. */
        ZoneFlow: {
            /**
             * Format: double
             * @description Both directions.
             */
            bytes_per_second: number;
            /** @description Indexes into `zones`, the lower first. */
            zones: number[];
        };
        /** @description One zone. */
        ZoneView: {
            /**
             * Format: double
             * @description Bytes per second with one end in another zone.
             */
            beyond: number;
            /** @description `null` for the nodes that say nothing. */
            name: string | null;
            /** Format: int32 */
            nodes: number;
            /** Format: int32 */
            pods: number;
            region: string | null;
            /**
             * Format: double
             * @description Bytes per second with both ends on one node.
             */
            within_node: number;
            /**
             * Format: double
             * @description Bytes per second between two nodes of the zone.
             */
            within_zone: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type About = components['schemas']['About'];
export type Agreement = components['schemas']['Agreement'];
export type Amounts = components['schemas']['Amounts'];
export type Answering = components['schemas']['Answering'];
export type ApplicationAnswer = components['schemas']['ApplicationAnswer'];
export type ApplicationList = components['schemas']['ApplicationList'];
export type ApplicationNode = components['schemas']['ApplicationNode'];
export type ApplicationRow = components['schemas']['ApplicationRow'];
export type ApplicationView = components['schemas']['ApplicationView'];
export type Best = components['schemas']['Best'];
export type CallReport = components['schemas']['CallReport'];
export type CallSteps = components['schemas']['CallSteps'];
export type ChangeOutcome = components['schemas']['ChangeOutcome'];
export type Decision = components['schemas']['Decision'];
export type Door = components['schemas']['Door'];
export type EarlierSet = components['schemas']['EarlierSet'];
export type Empty = components['schemas']['Empty'];
export type Entry = components['schemas']['Entry'];
export type EntryReport = components['schemas']['EntryReport'];
export type ErrorBody = components['schemas']['ErrorBody'];
export type ExplainedPart = components['schemas']['ExplainedPart'];
export type FlowWithin = components['schemas']['FlowWithin'];
export type Frame = components['schemas']['Frame'];
export type Grant = components['schemas']['Grant'];
export type HistoryAnswer = components['schemas']['HistoryAnswer'];
export type Judge = components['schemas']['Judge'];
export type Limits = components['schemas']['Limits'];
export type MapAnswer = components['schemas']['MapAnswer'];
export type MapView = components['schemas']['MapView'];
export type Missing = components['schemas']['Missing'];
export type Mode = components['schemas']['Mode'];
export type NextReplica = components['schemas']['NextReplica'];
export type NodeApplication = components['schemas']['NodeApplication'];
export type NodeColumns = components['schemas']['NodeColumns'];
export type NodeFlow = components['schemas']['NodeFlow'];
export type NodeFlows = components['schemas']['NodeFlows'];
export type NodePeer = components['schemas']['NodePeer'];
export type NodeScore = components['schemas']['NodeScore'];
export type NodeView = components['schemas']['NodeView'];
export type Normalisation = components['schemas']['Normalisation'];
export type OnFault = components['schemas']['OnFault'];
export type Order = components['schemas']['Order'];
export type Origin = components['schemas']['Origin'];
export type ParameterValue = components['schemas']['ParameterValue'];
export type Peer = components['schemas']['Peer'];
export type PeerShare = components['schemas']['PeerShare'];
export type Placements = components['schemas']['Placements'];
export type PolicyDecision = components['schemas']['PolicyDecision'];
export type PolicyName = components['schemas']['PolicyName'];
export type PolicyShare = components['schemas']['PolicyShare'];
export type Reason = components['schemas']['Reason'];
export type RegistryReport = components['schemas']['RegistryReport'];
export type Rejection = components['schemas']['Rejection'];
export type Remembered = components['schemas']['Remembered'];
export type RevisionId = components['schemas']['RevisionId'];
export type Room = components['schemas']['Room'];
export type Settings = components['schemas']['Settings'];
export type ShadowReport = components['schemas']['ShadowReport'];
export type Signature = components['schemas']['Signature'];
export type Spread = components['schemas']['Spread'];
export type State = components['schemas']['State'];
export type Summary = components['schemas']['Summary'];
export type ZoneFlow = components['schemas']['ZoneFlow'];
export type ZoneView = components['schemas']['ZoneView'];
export type $defs = Record<string, never>;
export interface operations {
    about: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["About"];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Ask again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    applications: {
        parameters: {
            query?: {
                /** @description `beyond` (bytes per second between nodes; unless it says), `total`, `pods` or `name`. */
                sort?: components["schemas"]["Order"];
                /** @description Part of `NAMESPACE/NAME`, in upper or lower case. */
                search?: string;
                namespace?: string;
                /** @description Only flows between applications of at least so many bytes per second. */
                at_least?: number;
                offset?: number;
                /** @description At most 500, 50 unless it says. */
                limit?: number;
                /** @description As it was at this time, in seconds since the Unix epoch. */
                at?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplicationList"];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    application: {
        parameters: {
            query?: {
                /** @description As it was at this time, in seconds since the Unix epoch; see `/v1/history`. */
                at?: number;
            };
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplicationAnswer"];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    calls: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallReport"][];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    all: {
        parameters: {
            query?: {
                /** @description At most so many, newest first; 20 unless it says. */
                limit?: number;
                /** @description Only those of this pod, `NAMESPACE/NAME`. */
                pod?: string;
                /** @description Only the one that a pod names by this id. */
                id?: string;
                /** @description Only the one of this serial. */
                serial?: string;
                /** @description Only of pods of this application, `NAMESPACE/NAME`. */
                application?: string;
                /** @description Only those whose best node this is, or whose pod went there. */
                node?: string;
                /** @description Only by `extender` or `admission`. */
                door?: components["schemas"]["Door"];
                /** @description Only those that compare so with where the pod went: `agrees`, `differs`, `empty` or `unknown`. */
                outcome?: components["schemas"]["Agreement"];
                /** @description Only those older than the one of this serial. */
                before?: string;
                /** @description Whether each is in brief. */
                brief?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description With `brief=true`, an array of `Summary` */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Remembered"][];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Ask again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    follow: {
        parameters: {
            query?: {
                /** @description At most so many, newest first; 20 unless it says. */
                limit?: number;
                /** @description Only those of this pod, `NAMESPACE/NAME`. */
                pod?: string;
                /** @description Only the one that a pod names by this id. */
                id?: string;
                /** @description Only the one of this serial. */
                serial?: string;
                /** @description Only of pods of this application, `NAMESPACE/NAME`. */
                application?: string;
                /** @description Only those whose best node this is, or whose pod went there. */
                node?: string;
                /** @description Only by `extender` or `admission`. */
                door?: components["schemas"]["Door"];
                /** @description Only those that compare so with where the pod went: `agrees`, `differs`, `empty` or `unknown`. */
                outcome?: components["schemas"]["Agreement"];
                /** @description Only those older than the one of this serial. */
                before?: string;
                /** @description Whether each is in brief. */
                brief?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["Summary"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description There are as many streams as there may be */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    history: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryAnswer"];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    map: {
        parameters: {
            query?: {
                /** @description Only flows with an end in this namespace, and its pods. */
                namespace?: string;
                /** @description Only flows of this application, `NAMESPACE/NAME`. */
                application?: string;
                /** @description Only flows between applications of at least so many bytes per second. */
                at_least?: number;
                /** @description Only nodes of the zones of this name; the empty one stands for nodes without a zone. */
                zone?: string;
                /** @description Only these nodes, at most 64, with commas between. */
                nodes?: string;
                /** @description As it was at this time, in seconds since the Unix epoch; see `/v1/history`. */
                at?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MapAnswer"];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Nothing is kept of that time */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Ask again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    node: {
        parameters: {
            query?: {
                /** @description As it was at this time, in seconds since the Unix epoch; see `/v1/history`. */
                at?: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NodeView"];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistryReport"];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    show: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryReport"][];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    submit: {
        parameters: {
            query?: {
                /** @description `ready` (unless it says), `shadow`, `canary` or `active` */
                mode?: string;
                /** @description Of a canary, 1 to 99 */
                percent?: number;
                /** @description Above 0; 1 unless it says */
                weight?: number;
                /** @description `max` (unless it says), `min-max`, `rank` or `none` */
                normalisation?: string;
                /** @description `skip` (unless it says) or `neutral` */
                on_fault?: string;
                /** @description `wasi` */
                grants?: string;
            };
            header?: {
                /** @description A Sigstore bundle, where signatures are required */
                "netmarks-signature"?: string | null;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/wasm": number[];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangeOutcome"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Ask again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    remove: {
        parameters: {
            query?: {
                /** @description Allows that nothing is active then */
                leave_nothing_active?: boolean;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangeOutcome"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    weigh: {
        parameters: {
            query: {
                /** @description Above 0 */
                weight: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangeOutcome"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    set_mode: {
        parameters: {
            query?: {
                /** @description Of a canary, 1 to 99 */
                percent?: number;
                /** @description Makes ready whatever else answers */
                only?: boolean;
                /** @description Allows that nothing is active then */
                leave_nothing_active?: boolean;
            };
            header?: never;
            path: {
                name: string;
                /** @description `activate`, `shadow`, `canary` or `ready` */
                mode: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangeOutcome"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    roll_back: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangeOutcome"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    shadow: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ShadowReport"][];
                };
            };
            /** @description As `If-None-Match` says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
