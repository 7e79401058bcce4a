using System.Collections.Immutable;
using Mewe.Conformance.Tests.Suite;
using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Conformance.Tests.Oracle;

/// <summary>Gives the form in which a module is to be run. Called from several threads.</summary>
public delegate ReadOnlyMemory<byte> ModuleForm(ReadOnlyMemory<byte> original);

/// <summary>What a script came to.</summary>
/// <param name="Verdicts">One for each command.</param>
/// <param name="FinalState">Every global and memory (its first MiB) that the original modules export, at the end, under a name that says which.</param>
public sealed record ScriptRun(SpecFile File, SpecScript Script, ImmutableArray<Verdict> Verdicts, ImmutableArray<(string Name, string Value)> FinalState);

/// <summary>Runs a script of the suite on an engine session, as one batch, with every module in a form of the caller's choosing.</summary>
public static class SpecRunner
{
    private const int ComparedMemory = 1 << 20;

    private static readonly TimeSpan AbortAfter = TimeSpan.FromMinutes(3);

    /// <param name="form">Applied to every module that is to be valid, also where linking it is to fail.</param>
    public static async Task<ScriptRun> RunAsync(
        IEngineSession session, SpecSuite suite, SpecFile file, SpecScript script, ModuleForm form, ulong? seed, CancellationToken cancellationToken)
    {
        var plan = new Plan(suite, file, form, seed);
        foreach (var command in script.Commands)
        {
            plan.Add(command);
        }

        plan.AddFinalState();
        var result = await session.RunAsync(plan.Commands, AbortAfter, cancellationToken);
        return result.TryGet(out var replies, out var failure)
            ? new ScriptRun(file, script, [.. plan.Judges.Select(judge => judge(replies))], [.. plan.States.Select(state => (state.Name, Verdict.OfState(replies[state.At])))])
            : new ScriptRun(file, script, [.. plan.Judges.Select(_ => Verdict.OfFailure(failure))], []);
    }

    /// <summary>The session commands of a script, and how to read the verdicts from the replies.</summary>
    private sealed class Plan
    {
        private readonly SpecSuite suite;
        private readonly SpecFile file;
        private readonly ModuleForm form;
        private readonly ulong? seed;
        private readonly Dictionary<string, int> instances = [];
        private readonly Dictionary<string, (int Number, byte[] Original)> definitions = [];
        private readonly List<(int Instance, byte[] Original, int Line)> living = [];
        private int next;
        private int current = -1;
        private (int Number, byte[] Original) lastDefinition = (-1, []);

        public Plan(SpecSuite suite, SpecFile file, ModuleForm form, ulong? seed)
        {
            (this.suite, this.file, this.form, this.seed) = (suite, file, form, seed);
            Send(new SessionCommand.Reset());
            Send(new SessionCommand.Register("spectest", new ImportSource.Spectest()));
        }

        public List<SessionCommand> Commands { get; } = [];

        public List<Func<ImmutableArray<SessionReply>, Verdict>> Judges { get; } = [];

        public List<(string Name, int At)> States { get; } = [];

        public void Add(SpecCommand command)
        {
            switch (command)
            {
                case SpecCommand.Module module:
                    var original = suite.Read(file, module.File);
                    var number = next++;
                    var compiled = Send(new SessionCommand.Compile(number, form(original)));
                    Instantiate(number, compiled, original, module.Name, module.Line);
                    break;
                case SpecCommand.Definition definition:
                    lastDefinition = (next++, suite.Read(file, definition.File));
                    if (definition.Name is { } defined)
                    {
                        definitions[defined] = lastDefinition;
                    }

                    var at = Send(new SessionCommand.Compile(lastDefinition.Number, form(lastDefinition.Original)));
                    Judges.Add(replies => Verdict.OfModule(replies[at], null));
                    break;
                case SpecCommand.Instance instance:
                    var from = instance.Of is { } named ? definitions[named] : lastDefinition;
                    Instantiate(from.Number, null, from.Original, instance.Name, instance.Line);
                    break;
                case SpecCommand.Register register:
                    var registered = Send(new SessionCommand.Register(register.As, new ImportSource.Instance(Number(register.Of))));
                    Judges.Add(replies => Verdict.OfModule(replies[registered], null));
                    break;
                case SpecCommand.Act act:
                    Act(act);
                    break;
                case SpecCommand.Reject reject:
                    Reject(reject);
                    break;
            }
        }

        /// <summary>Asks for what can be seen of the state from outside.</summary>
        public void AddFinalState()
        {
            foreach (var (instance, original, line) in living)
            {
                if (ModuleReader.TryRead(original, out _) is not { } module)
                {
                    continue;
                }

                foreach (var export in module.Exports)
                {
                    SessionCommand? look = export.Kind switch
                    {
                        ExternKind.Memory => new SessionCommand.ReadMemory(instance, new MemoryRange(export.Name, 0, ComparedMemory)),
                        ExternKind.Global => new SessionCommand.GetGlobal(instance, export.Name),
                        _ => null,
                    };
                    if (look is not null)
                    {
                        States.Add(($"{export.Kind} \"{export.Name}\" of the module in line {line}", Send(look)));
                    }
                }
            }
        }

        private void Instantiate(int module, int? compiled, byte[] original, string? name, int line)
        {
            current = next++;
            if (name is not null)
            {
                instances[name] = current;
            }

            living.Add((current, original, line));
            var instantiated = Send(new SessionCommand.Instantiate(current, module, []));
            if (seed is { } given)
            {
                Send(new SessionCommand.Invoke(current, "mewe_seed", [WasmValue.I64((long)given + current)]));
            }

            Judges.Add(replies => Verdict.OfModule(compiled is { } at ? replies[at] : new SessionReply.Done(), replies[instantiated]));
        }

        private void Act(SpecCommand.Act act)
        {
            var instance = Number(act.Action.Module);
            var at = Send(act.Action.Get
                ? new SessionCommand.GetGlobal(instance, act.Action.Field)
                : new SessionCommand.Invoke(instance, act.Action.Field, act.Action.Arguments));
            Judges.Add(replies => Verdict.OfAction(act.Expected, replies[at]));
        }

        private void Reject(SpecCommand.Reject reject)
        {
            if (reject.File is null)
            {
                Judges.Add(_ => Verdict.TextOnly);
                return;
            }

            var original = suite.Read(file, reject.File);
            var links = reject.Fault is ModuleFault.Unlinkable or ModuleFault.Uninstantiable;
            var module = next++;
            var compiled = Send(new SessionCommand.Compile(module, links ? form(original) : original));
            var instantiated = links ? Send(new SessionCommand.Instantiate(next++, module, [])) : (int?)null;
            Judges.Add(replies => Verdict.OfFault(reject.Fault, replies[compiled], instantiated is { } at ? replies[at] : null, reject.Text));
        }

        private int Number(string? name) => name is null ? current : instances[name];

        private int Send(SessionCommand command)
        {
            Commands.Add(command);
            return Commands.Count - 1;
        }
    }
}
