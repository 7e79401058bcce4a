using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms;

/// <summary>What a transform may use while it rewrites: random decisions, fresh locals, outlined functions and fuel. One per candidate; not for several threads.</summary>
public sealed class RewriteContext
{
    /// <summary>More locals than this are not added to a body: engines slow down, and validators have limits.</summary>
    public const int MaxAddedLocals = 400;

    private readonly List<ValueType> locals = [];
    private readonly List<OutlinedFunction> outlined = [];
    private readonly List<string> rules = [];
    private readonly List<Instruction> scratch = new(64);
    private int original;

    /// <param name="random">The only source of random decisions.</param>
    /// <param name="fuel">Units of work that may be spent; see <see cref="Spend"/>.</param>
    public RewriteContext(SeededRandom random, long fuel = long.MaxValue) => (Random, Fuel) = (random, fuel);

    public SeededRandom Random { get; }

    /// <summary>What is left of the work that may be done; counted in instructions looked at, never in time.</summary>
    public long Fuel { get; private set; }

    /// <summary>Types of all locals, parameters first, as they are now.</summary>
    public IReadOnlyList<ValueType> Locals => locals;

    /// <summary>Functions that were moved out so far.</summary>
    public IReadOnlyList<OutlinedFunction> Outlined => outlined;

    /// <summary>True while another local can be added.</summary>
    public bool HasRoomForLocals(int count = 1) => locals.Count + count <= original + MaxAddedLocals;

    /// <summary>A fresh local (zero at entry; nobody else uses it). Its index.</summary>
    /// <param name="type">A number type or another defaultable one.</param>
    public uint AddLocal(ValueType type)
    {
        locals.Add(type);
        return (uint)(locals.Count - 1);
    }

    /// <summary>Adds a function and gives the placeholder index to call it by.</summary>
    public uint AddOutlined(FunctionType type, FunctionCode code)
    {
        outlined.Add(new OutlinedFunction(type, code));
        return VariantCode.OutlinedBase + (uint)(outlined.Count - 1);
    }

    /// <summary>Takes fuel; false once there is none.</summary>
    public bool Spend(long amount)
    {
        Fuel -= amount;
        return Fuel > 0;
    }

    /// <summary>Which terms earlier candidates of the function were made of.</summary>
    public Terms.TermUsage TermUsage { get; } = new();

    /// <summary>Says that the edit which is being made rests on a rule, <c>file/rule@width</c>; it ends up in <see cref="AppliedTransform.Rules"/> if the edit is taken.</summary>
    public void NoteRule(string rule) => rules.Add(rule);

    /// <summary>An empty list to write a replacement into; the same one each time, so copy out (<see cref="Edit"/> wants an array) before asking again.</summary>
    public List<Instruction> Scratch()
    {
        scratch.Clear();
        return scratch;
    }

    internal FunctionType? OutlinedType(uint placeholder) =>
        placeholder - VariantCode.OutlinedBase < (uint)outlined.Count ? outlined[(int)(placeholder - VariantCode.OutlinedBase)].Type : null;

    internal void Start(ReadOnlySpan<ValueType> all)
    {
        locals.Clear();
        locals.AddRange(all);
        outlined.Clear();
        rules.Clear();
        original = all.Length;
    }

    /// <summary>The rules noted since the last call, in order, each once.</summary>
    internal ImmutableArray<string> TakeRules()
    {
        ImmutableArray<string> taken = [.. rules.Distinct()];
        rules.Clear();
        return taken;
    }

    internal (int Locals, int Outlined, int Rules) Mark() => (locals.Count, outlined.Count, rules.Count);

    internal void Return((int Locals, int Outlined, int Rules) mark)
    {
        rules.RemoveRange(mark.Rules, rules.Count - mark.Rules);
        locals.RemoveRange(mark.Locals, locals.Count - mark.Locals);
        outlined.RemoveRange(mark.Outlined, outlined.Count - mark.Outlined);
    }

    internal void ReplaceLocals(ReadOnlySpan<ValueType> parameters, IReadOnlyList<ValueType> others)
    {
        locals.Clear();
        locals.AddRange(parameters);
        locals.AddRange(others);
    }
}
