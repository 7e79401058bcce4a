using Mewe.Diversify.Tests.Running;
using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Wasm;

[assembly: AssemblyFixture(typeof(EngineFixture))]

namespace Mewe.Diversify.Tests.Running;

/// <summary>One engine for all tests of this project.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    public NodeEngine Engine { get; private set; } = null!;

    public async ValueTask InitializeAsync() =>
        Engine = (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 2 }, TestContext.Current.CancellationToken)).Value;

    public async ValueTask DisposeAsync() => await Engine.DisposeAsync();

    /// <summary>Runs of originals, and how many of them trapped.</summary>
    internal int Ran { get; private set; }

    /// <inheritdoc cref="Ran"/>
    internal int Trapped { get; private set; }

    /// <summary>Runs candidates against the original body and gives what is wrong with any of them.</summary>
    internal async Task<IReadOnlyList<string>> Compare(FunctionCode body, IReadOnlyList<CandidateVariant> candidates, int inputs)
    {
        var bench = new TestBench(body);
        foreach (var candidate in candidates)
        {
            bench.AddBody(candidate.Code);
        }

        var (bytes, subjects) = bench.Harness();
        var result = await Engine.SweepAsync(new SweepRequest(bytes, subjects, 0, inputs) { AbortAfter = TimeSpan.FromSeconds(30) }, TestContext.Current.CancellationToken);
        if (!result.TryGet(out var sweep, out var failure))
        {
            return candidates.Count == 1 ? [Describe(candidates[0], failure.ToString(), body)] : await EachAlone(body, candidates, inputs);
        }

        if (sweep.Rejection is { } rejection)
        {
            return candidates.Count == 1 ? [Describe(candidates[0], rejection, body)] : await EachAlone(body, candidates, inputs);
        }

        Trapped += sweep.Subjects[0].Trapped;
        Ran += inputs;
        List<string> wrong = [];
        for (var k = 1; k < subjects; k++)
        {
            if (sweep.Subjects[k].Status == SubjectStatus.Differs)
            {
                wrong.Add(Describe(candidates[k - 1], $"differs: {sweep.Subjects[k].First}", body));
            }
        }

        return wrong;
    }

    private async Task<IReadOnlyList<string>> EachAlone(FunctionCode body, IReadOnlyList<CandidateVariant> candidates, int inputs)
    {
        if (candidates.Count == 0)
        {
            return ["the original itself is rejected:\n" + Listing(body)];
        }

        List<string> wrong = [];
        foreach (var candidate in candidates)
        {
            wrong.AddRange(await Compare(body, [candidate], inputs));
        }

        return wrong.Count > 0 ? wrong : ["wrong together, right alone"];
    }

    /// <summary>What differs, with some lines around it: bodies are long.</summary>
    private static string Describe(CandidateVariant candidate, string what, FunctionCode original)
    {
        var before = Lines(original);
        var after = Lines(candidate.Code.Code);
        var head = 0;
        while (head < before.Count && head < after.Count && before[head] == after[head])
        {
            head++;
        }

        var tail = 0;
        while (tail < before.Count - head && tail < after.Count - head && before[^(tail + 1)] == after[^(tail + 1)])
        {
            tail++;
        }

        string Part(List<string> lines) => string.Join('\n', lines.Skip(Math.Max(0, head - 12)).Take(Math.Min(head, 12) + lines.Count - head - tail + 12).Prepend(lines[0]));
        return $"[{string.Join(' ', candidate.Steps)}] {what}\n--- original from line {Math.Max(0, head - 12)}\n{Part(before)}\n--- variant\n{Part(after)}"
            + string.Concat(candidate.Code.Outlined.Select(outlined => "\n--- outlined\n" + Listing(outlined.Code)));
    }

    internal static string Listing(FunctionCode code) => string.Join('\n', Lines(code));

    private static List<string> Lines(FunctionCode code)
    {
        var lines = new List<string> { "locals " + string.Join(' ', code.LocalTypes()) };
        var depth = 0;
        for (var i = 0; i < code.Instructions.Length; i++)
        {
            var item = code.Instructions[i];
            depth -= item.Opcode is Opcode.End or Opcode.Else or Opcode.Delegate ? 1 : 0;
            var labels = item.Opcode == Opcode.BrTable ? $"[{string.Join(' ', item.Labels)}] " : "";
            lines.Add($"{new string(' ', Math.Max(0, depth) * 2)}{item} {labels}");
            depth += item.OpensBlock || item.Opcode == Opcode.Else ? 1 : 0;
        }

        return lines;
    }
}
