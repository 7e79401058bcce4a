using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Wasm.Binary;

namespace Mewe.Grains;

/// <summary>What the planning step hands to all others: of a <see cref="JobPlan"/> what cannot be computed again from module and options at no cost.</summary>
public static class PlanMessage
{
    /// <summary>Of how a message begins, not of what is in it: that may change with every build, and which one wrote it comes first, so that jobs of another build are known as such.</summary>
    private const byte Version = 1;

    private static ReadOnlySpan<byte> Name => "MwPL"u8;

    /// <param name="processorTime">What planning cost.</param>
    public static byte[] Write(JobPlan plan, TimeSpan processorTime)
    {
        var writer = new MessageWriter(Name, Version);
        writer.Text(BuildIdentity.Text);
        writer.Number(processorTime.Ticks);
        writer.Bytes(plan.Facts.Sha256.AsSpan());
        writer.Each([.. plan.Engines.All.Select(JobEngines.NameOf)], writer.Text);
        writer.Text(plan.RecordedOptions);
        writer.Each(plan.Functions, writer.Number);
        writer.Each(plan.LeftAlone, left =>
        {
            writer.Number(left.Key);
            writer.Text(left.Value);
        });
        writer.Each(plan.Hot, writer.Number);
        writer.Each(plan.Notes, writer.Text);
        writer.Each([.. plan.Recorded.Arguments.OrderBy(pair => pair.Key)], function =>
        {
            writer.Number(function.Key);
            writer.Each(function.Value, tuple => writer.Each(tuple, writer.Value));
        });
        writer.Each([.. plan.Recorded.Globals.OrderBy(pair => pair.Key)], global =>
        {
            writer.Number(global.Key);
            writer.Value(global.Value);
        });
        writer.Bytes(plan.Recorded.Memory.Span);
        return writer.Done();
    }

    /// <param name="request">The job's, with the module.</param>
    /// <param name="engines">Those of this silo.</param>
    /// <exception cref="MessageFormatException">The bytes are damaged, or belong to another module.</exception>
    /// <exception cref="ForeignBuildException">Another build planned the job.</exception>
    /// <exception cref="EngineFailedException">The plan names an engine that this silo does not have.</exception>
    public static (JobPlan Plan, TimeSpan ProcessorTime) Read(ReadOnlySpan<byte> bytes, JobRequest request, JobEngines engines) => MessageReader.Read(bytes, Name, Version, (ref reader) =>
    {
        if (reader.Text() is var build && build != BuildIdentity.Text)
        {
            throw new ForeignBuildException(build);
        }

        var processorTime = TimeSpan.FromTicks(reader.Long());
        var module = ModuleReader.Read(request.Module);
        var facts = new ModuleFacts(module);
        if (!reader.Bytes().AsSpan().SequenceEqual(facts.Sha256.AsSpan()))
        {
            throw new MessageFormatException("the plan was made for another module");
        }

        var named = engines.Named(reader.Each(static (ref inner) => inner.Text()));
        var options = reader.Text();
        var functions = reader.Each(static (ref inner) => inner.UInt());
        var leftAlone = reader.Each(static (ref inner) => KeyValuePair.Create(inner.UInt(), inner.Text())).ToImmutableSortedDictionary();
        var hot = reader.Each(static (ref inner) => inner.UInt()).ToImmutableSortedSet();
        var notes = reader.Each(static (ref inner) => inner.Text());
        var arguments = reader.Each(static (ref inner) => KeyValuePair.Create(inner.UInt(), inner.Each(static (ref tuples) => tuples.Each(static (ref values) => values.Value()))))
            .ToImmutableDictionary();
        var globals = reader.Each(static (ref inner) => KeyValuePair.Create(inner.UInt(), inner.Value())).ToImmutableDictionary();
        var recorded = new RecordedInputs(arguments, reader.Bytes(), globals);
        var plan = new JobPlan(request, module, facts, new FunctionNames(module), request.Workload ?? WorkloadFile.Default(JobPlan.IsCommand(module)), recorded)
        {
            Engines = named, Functions = functions, LeftAlone = leftAlone, Hot = hot, Notes = notes, RecordedOptions = options,
        };
        return (plan, processorTime);
    });
}

/// <summary>Another build planned the job: what they propose may differ, so they do not share a job.</summary>
internal sealed class ForeignBuildException(string build) : Exception($"the job was planned by another build of Mewe ({build}, this is {BuildIdentity.Text}), of which no silo is left; submit it again")
{
    public string Build { get; } = build;
}
