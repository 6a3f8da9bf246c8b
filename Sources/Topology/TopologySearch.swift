// All topologies of a number of devices, and which of them serve best.

import Architectures
import Diagnostics

extension ParallelTopology {
    /// Every product of TP, DP and PP that makes a world, with expert parallelism off and on.
    ///
    /// - Parameter pipelines: whether more than one stage is tried.
    package static func all(world: Int, family: ParallelFamily, pipelines: Bool) -> [ParallelTopology] {
        var found: [ParallelTopology] = []
        for pipeline in divisors(world) where pipeline == 1 || pipelines {
            let places = world / pipeline
            for tensor in divisors(places).reversed() {
                for expert in Set([1, places]).sorted() {
                    found.append(
                        ParallelTopology(
                            tensor: tensor, data: places / tensor, expert: expert, pipeline: pipeline))
                }
            }
            if family == .sglang {
                for expert in divisors(places) where expert > 1 && expert < places {
                    found.append(ParallelTopology(tensor: places, expert: expert, pipeline: pipeline))
                }
            }
        }
        return found
    }

    private static func divisors(_ number: Int) -> [Int] { (1...number).filter { number % $0 == 0 } }
}

extension TopologyPlanner {
    /// Judges every topology of some worlds, the best first, illegal ones last.
    ///
    /// Better is: a sequence of the context fits; fewer pipeline stages, which wait for each other; more
    /// sequences in all replicas together; fewer replicas of attention.
    package func search(worlds: [Int], pipelines: Bool) throws(Failure) -> [JudgedTopology] {
        var judged: [JudgedTopology] = []
        for world in worlds {
            for topology in ParallelTopology.all(
                world: world, family: engineFamily, pipelines: pipelines)
            {
                judged.append(try judge(topology))
            }
        }
        return judged.enumerated().sorted { a, b in
            Self.order(a.element, b.element) ?? (a.offset < b.offset)
        }.map(\.element)
    }

    private var engineFamily: ParallelFamily { request.target.engine.parallelism.family }

    /// Whether the first is better; nil when neither is.
    private static func order(_ a: JudgedTopology, _ b: JudgedTopology) -> Bool? {
        if a.isLegal != b.isLegal { return a.isLegal }
        guard a.isLegal else { return nil }
        if a.fits != b.fits { return a.fits }
        if a.topology.world != b.topology.world { return a.topology.world < b.topology.world }
        if a.topology.pipeline != b.topology.pipeline { return a.topology.pipeline < b.topology.pipeline }
        if a.sequences != b.sequences { return a.sequences > b.sequences }
        if a.topology.data != b.topology.data { return a.topology.data < b.topology.data }
        return nil
    }
}
