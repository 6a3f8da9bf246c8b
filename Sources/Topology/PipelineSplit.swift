// Which layers a pipeline stage holds. Each engine has its own rule for layers that do not divide.

import Architectures

/// The decoder layers of each stage.
///
/// - Source: vLLM 0.32.0 and SGLang distributed/utils.py `get_pp_indices`.
/// - Checked by: GeometryTests.
package struct PipelineSplit: Equatable, Sendable {
    /// Layers of each stage, first to last; a range may be empty when there are more stages than layers.
    package let stages: [Range<Int>]

    /// Divides layers over stages.
    package init(layers: Int, stages: Int, remainder: PipelineRemainder) {
        let (base, left) = layers.quotientAndRemainder(dividingBy: stages)
        var counts = [Int](repeating: base, count: stages)
        switch remainder {
        // Counted backwards from the stage before the last: the last has norm and head.
        case .middle: for place in 0..<left { counts[stages - 2 - place] += 1 }
        case .last: for place in 0..<left { counts[stages - 1 - place] += 1 }
        }
        var start = 0
        self.stages = counts.map { count in
            defer { start += count }
            return start..<start + count
        }
    }

    /// The stage of a layer; one behind the last decoder layer belongs to the last stage.
    package func stage(ofLayer layer: Int) -> Int {
        stages.firstIndex { $0.contains(layer) } ?? stages.count - 1
    }
}
