using System.Collections.Immutable;
using Mewe.Execution;

namespace Mewe.Grains;

/// <summary>
/// The engines of a job. With the target inputs are chosen, candidates are tested first, and everything is measured that is measured; on the others every candidate that passed is tested as
/// well, on the same inputs, before anything may be linked.
/// </summary>
/// <param name="Target">The engine that the module is made for.</param>
/// <param name="Others">In the order in which they are asked; none is the target.</param>
public sealed record JobEngines(IWasmEngine Target, ImmutableArray<IWasmEngine> Others)
{
    /// <summary>All of them, the target first.</summary>
    public IEnumerable<IWasmEngine> All => Others.Prepend(Target);

    /// <summary>Names and versions, as the report and the summary name them.</summary>
    public string Names => string.Join(", ", All.Select(NameOf));

    /// <summary>Processor time of the engines' own processes.</summary>
    public TimeSpan ProcessorTime => All.Aggregate(TimeSpan.Zero, (sum, engine) => sum + engine.ProcessorTime);

    public static JobEngines Only(IWasmEngine engine) => new(engine, []);

    public static string NameOf(IWasmEngine engine) => $"{engine.Info.Name} {engine.Info.Version}";

    /// <summary>
    /// The same without the engines that do not accept the module, and a note for each of these: what is wrong with an engine is not held against the module, as long as the target accepts it.
    /// </summary>
    /// <exception cref="EngineFailedException">An engine could not say. That may depend on the machine, so it must not decide what is tested where.</exception>
    public async Task<(JobEngines Engines, ImmutableArray<string> Notes)> AcceptingAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken)
    {
        var accepting = ImmutableArray.CreateBuilder<IWasmEngine>();
        var notes = ImmutableArray.CreateBuilder<string>();
        foreach (var engine in Others)
        {
            var answer = await engine.ValidateAsync(module, cancellationToken);
            if (!answer.TryGet(out var validation, out var failure))
            {
                throw new EngineFailedException($"{NameOf(engine)} could not say whether it accepts the module: {failure}");
            }

            if (validation.Valid)
            {
                accepting.Add(engine);
            }
            else
            {
                notes.Add($"{NameOf(engine)} is not used, since it does not accept this module: {validation.Message}");
            }
        }

        return (this with { Others = accepting.ToImmutable() }, notes.ToImmutable());
    }
}
