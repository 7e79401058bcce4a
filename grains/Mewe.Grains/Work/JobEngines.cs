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

    /// <summary>Those that a job asks for.</summary>
    /// <param name="engine">The name of one; <c>both</c> or null for all.</param>
    /// <param name="target">The name of the one that the module is made for; null for the first.</param>
    /// <exception cref="EngineFailedException">One that is named is not here.</exception>
    public JobEngines Chosen(string? engine, string? target)
    {
        ImmutableArray<IWasmEngine> chosen = [.. All.Where(one => engine is null or "both" || one.Info.Name == engine)];
        if (chosen.IsEmpty || (engine == "both" && chosen.Length < 2))
        {
            throw new EngineFailedException($"the job wants {(engine == "both" ? "two engines" : engine)}, and this silo has {Names}");
        }

        var first = target is null ? chosen[0] : chosen.FirstOrDefault(one => one.Info.Name == target) ?? throw new EngineFailedException($"the job is for {target}, and this silo has {Names}");
        return new JobEngines(first, chosen.Remove(first));
    }

    /// <summary>Those with these names and versions, in this order, the first being the target.</summary>
    /// <exception cref="EngineFailedException">One is not here.</exception>
    public JobEngines Named(ImmutableArray<string> names)
    {
        ImmutableArray<IWasmEngine> found = [.. names.Select(name => All.FirstOrDefault(engine => NameOf(engine) == name)
            ?? throw new EngineFailedException($"the job was planned with {name}, and this silo has {Names}"))];
        return new JobEngines(found[0], found.RemoveAt(0));
    }

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
