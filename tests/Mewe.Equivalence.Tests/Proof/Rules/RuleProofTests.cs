using System.Diagnostics;
using Mewe.Diversify;
using Mewe.Diversify.Rules;
using Mewe.Equivalence.Proof.Rules;
using Mewe.Equivalence.Proof.Solving;

namespace Mewe.Equivalence.Tests.Proof.Rules;

public sealed class RuleProofTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_rule_is_proved()
    {
        var solver = Z3Solver.Create();
        foreach (var file in TransformCatalog.All.Select(item => item.Transform).OfType<RuleTransform>())
        foreach (var rule in file.Rules)
        {
            var t = Stopwatch.StartNew();
            var r = RuleProof.Prove(rule, solver);
            output.WriteLine($"{t.Elapsed.TotalMilliseconds,9:f1} {(r is RuleProofResult.Proved p ? p.Method + " " + p.Detail : r is RuleProofResult.Refuted f ? "REFUTED " + string.Join(' ', f.Values) : r.ToString())} | {file.Name} {rule.Width} {rule.Source}");
        }
    }
}
