using System.Collections.Immutable;
using Mewe.Diversify.Transforms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify;

/// <summary>
/// Makes one candidate at a time: takes the original body through a few random steps. A step picks a transform and applies it to a random selection of its
/// sites that do not overlap, as far as the cost budget goes. One candidate in four is blinded (<see cref="Blinding"/>). Keeps its buffers, so that a candidate costs no more than it must.
/// </summary>
internal sealed class Composer
{
    private const int PicksPerStep = 4, BlindedIn = 4;

    private readonly FunctionInput input;
    private readonly DiversifyOptions options;
    private readonly Setting plain;
    private readonly Setting blinded;
    private readonly RewriteContext context;
    private readonly SeededRandom random;
    private readonly List<Site> sites = new(256);
    private readonly List<Edit> edits = new(64);
    private readonly List<Instruction> output = new(1024);
    private readonly long costLimit;
    private readonly int sizeLimit;
    private Setting setting;

    public Composer(FunctionInput input, DiversifyOptions options, IEnumerable<WeightedTransform> transforms)
    {
        (this.input, this.options) = (input, options);
        random = SeededRandom.For(options.Seed, input.Module.Sha256.AsSpan(), input.Index, "propose");
        context = new RewriteContext(random, options.Fuel);
        // All of them, also those without a site in the original: an if that another transform made is as good as any.
        List<WeightedTransform> allowed = [.. transforms.Where(item => !options.Disabled.Contains(item.Transform.Name))];
        plain = Prepare(input, [.. allowed.Where(item => !item.Transform.NeedsBlindWord)]);
        blinded = Prepare(Blinding.WithWord(input), allowed.Exists(item => item.Transform.NeedsBlindWord) ? allowed : []);
        var original = plain.Original;
        setting = plain;
        Unsupported = original.Unsupported;
        costLimit = (long)(original.Cost * options.MaxGrowth) + options.GrowthAllowance;
        sizeLimit = (int)Math.Min(int.MaxValue / 2, original.Count * options.MaxSizeGrowth) + options.SizeAllowance;
        OriginalHash = CodeHash.Of(plain.Locals, original.Code);
        var all = blinded.Usable.Count > 0 ? blinded : plain;
        UsableTransforms = Unsupported is not null ? 0 : all.Usable.Count(item => HasSite(all.Original, item.Transform));
    }

    /// <summary>What candidates of one kind start from.</summary>
    private sealed record Setting(FunctionView Original, FunctionView Working, ValueType[] Locals, List<WeightedTransform> Usable);

    public UInt128 OriginalHash { get; }

    public string? Unsupported { get; }

    /// <summary>Transforms with something to do in the original.</summary>
    public int UsableTransforms { get; }

    public bool HasFuel => context.Fuel > 0;

    public long Fuel => context.Fuel;

    /// <summary>A candidate, or null where no step of the attempt changed anything.</summary>
    public CandidateVariant? Compose()
    {
        if (plain.Usable.Count == 0 || (blinded.Usable.Count > 0 && random.OneIn(BlindedIn)))
        {
            setting = blinded;
            var candidate = Compose(Blind());
            if (candidate is not null || plain.Usable.Count == 0)
            {
                return candidate;
            }
        }

        setting = plain;
        return Compose(null);
    }

    /// <summary>The transforms that need the blind word, in a random order: a blinded candidate starts with the first of them that changes something.</summary>
    private ITransform[] Blind()
    {
        var order = setting.Usable.Select(item => item.Transform).Where(transform => transform.NeedsBlindWord).ToArray();
        for (var i = order.Length - 1; i > 0; i--)
        {
            var pick = random.Below(i + 1);
            (order[i], order[pick]) = (order[pick], order[i]);
        }

        return order;
    }

    /// <param name="first">Transforms of which the first step takes one; null for any.</param>
    private CandidateVariant? Compose(ITransform[]? first)
    {
        context.Start(setting.Locals);
        var (view, working) = (setting.Original, setting.Working);
        var applied = ImmutableArray.CreateBuilder<AppliedTransform>();
        var steps = random.Between(options.MinSteps, options.MaxSteps);
        for (var step = 0; step < steps && context.Spend(view.Count); step++)
        {
            // A pick that finds nothing to do costs no step, up to a point.
            var opens = step == 0 && first is not null;
            var (transform, count) = (opens ? first![0] : PickTransform(), 0);
            for (var pick = 1; (count = Apply(view, transform)) == 0 && pick < (opens ? first!.Length : PicksPerStep); pick++)
            {
                transform = opens ? first![pick] : PickTransform();
            }

            if (count == 0 && opens)
            {
                return null;
            }

            if (count == 0)
            {
                continue;
            }

            applied.Add(new AppliedTransform(transform.Name, count) { Rules = context.TakeRules() });
            working.Rebuild(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(output), [.. context.Locals]);
            view = working;
        }

        if (applied.Count == 0)
        {
            return null;
        }

        var locals = view.Locals;
        ImmutableArray<Instruction> body = view.Input.BlindLocal is { } word ? [.. Blinding.Entry(word, random), .. view.Code] : [.. view.Code];
        var cost = view.Cost + (body.Length > view.Count ? AddedCost(body.AsSpan(0, body.Length - view.Count), 0) : 0);
        // Without the entry, whose number is drawn: bodies that differ in nothing else are the same candidate.
        var hash = CodeHash.Of(locals, view.Code, context.Outlined) ^ (body.Length > view.Count ? UInt128.One : UInt128.Zero);
        var code = new FunctionCode(FunctionCode.Group(locals[input.Type.Parameters.Length..].ToArray()), body);
        return new CandidateVariant(new VariantCode(code, [.. context.Outlined]), applied.DrainToImmutable(), cost, hash);
    }

    private Setting Prepare(FunctionInput function, List<WeightedTransform> usable)
    {
        var view = FunctionView.Of(function);
        return new Setting(view, new FunctionView(function) { OutlinedType = context.OutlinedType }, view.Locals.ToArray(), usable);
    }

    private int Apply(FunctionView view, ITransform transform) => !transform.Applies(view) ? 0 : transform switch
    {
        ISiteTransform local => ApplySites(view, local),
        IWholeTransform whole => ApplyWhole(view, whole),
        _ => 0,
    };

    private static bool HasSite(FunctionView original, ITransform transform) => transform.Applies(original) && (transform is not ISiteTransform local || local.Sites(original).Any());

    private ITransform PickTransform()
    {
        var total = 0;
        foreach (var item in setting.Usable)
        {
            total += item.Weight;
        }

        var at = random.Below(total);
        foreach (var item in setting.Usable)
        {
            at -= item.Weight;
            if (at < 0)
            {
                return item.Transform;
            }
        }

        return setting.Usable[^1].Transform;
    }

    private int ApplySites(FunctionView view, ISiteTransform transform)
    {
        sites.Clear();
        foreach (var site in transform.Sites(view))
        {
            sites.Add(site);
        }

        if (sites.Count == 0)
        {
            return 0;
        }

        // One site, a few or many: short and long provenance give different shapes.
        var wanted = random.Below(4) switch
        {
            0 => 1,
            1 => 1 + random.Below(Math.Min(4, sites.Count)),
            2 => 1 + random.Below(Math.Max(1, sites.Count / 4)),
            _ => 1 + random.Below(Math.Max(1, sites.Count)),
        };
        wanted = Math.Min(wanted, transform.MaxEdits);
        edits.Clear();
        var cost = view.Cost;
        var size = view.Count;
        var span = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(sites);
        for (var k = 0; k < span.Length && edits.Count < wanted && k < 4 * wanted; k++)
        {
            var pick = k + random.Below(span.Length - k);
            (span[k], span[pick]) = (span[pick], span[k]);
            var mark = context.Mark();
            if (transform.Rewrite(view, span[k], context) is not { } edit || !Accept(view, ref edit, ref cost, ref size))
            {
                context.Return(mark);
            }
        }

        return edits.Count == 0 ? 0 : Merge(view);
    }

    /// <summary>Takes an edit that changes something, overlaps no other, and fits the budget.</summary>
    private bool Accept(FunctionView view, ref Edit edit, ref long cost, ref int size)
    {
        var whole = edit;
        edit = Trim(view, edit);
        if (edit.Start == edit.End && edit.Replacement.IsEmpty)
        {
            return false;
        }

        // The edits of a pass are right one after the other: all that this one was made from, also what it leaves as it is, must be as it was in the view.
        foreach (var earlier in edits)
        {
            if (earlier.Start < whole.End && whole.Start < earlier.End)
            {
                return false;
            }
        }

        var at = edits.Count;
        while (at > 0 && edits[at - 1].Start >= edit.Start)
        {
            at--;
        }

        if ((at > 0 && edits[at - 1].End > edit.Start) || (at < edits.Count && (edits[at].Start < edit.End || edits[at].Start == edit.Start)))
        {
            return false;
        }

        long removed = 0;
        for (var i = edit.Start; i < edit.End; i++)
        {
            removed += CostModel.Of(view[i].Opcode) * CostModel.Weight(view.LoopDepth(i));
        }

        var depth = view.LoopDepth(Math.Min(edit.Start, view.Count - 1));
        var newCost = cost - removed + AddedCost(edit.Replacement.Span, depth);
        var newSize = size - (edit.End - edit.Start) + edit.Replacement.Length;
        if ((newCost > costLimit && newCost > cost) || (newSize > sizeLimit && newSize > size))
        {
            return false;
        }

        (cost, size) = (newCost, newSize);
        edits.Insert(at, edit);
        return true;
    }

    /// <summary>Cost of new code at a loop depth, loops in it counted.</summary>
    private static long AddedCost(ReadOnlySpan<Instruction> code, int depth)
    {
        long sum = 0;
        Span<bool> loops = stackalloc bool[64];
        var open = 0;
        foreach (ref readonly var instruction in code)
        {
            sum += CostModel.Of(instruction.Opcode) * CostModel.Weight(depth);
            if (instruction.OpensBlock)
            {
                if (open < loops.Length)
                {
                    loops[open] = instruction.Opcode == Opcode.Loop;
                    depth += loops[open] ? 1 : 0;
                }

                open++;
            }
            else if (instruction.Opcode == Opcode.End && open > 0)
            {
                open--;
                if (open < loops.Length && loops[open])
                {
                    depth--;
                }
            }
        }

        return sum;
    }

    /// <summary>
    /// Drops the instructions at the front that the edit leaves as they are, so that operands can be edited in the same pass: up to there the same happens, whatever equivalent code another edit puts
    /// there. Not so at the back: equal instructions there may work on other values, and another edit of them would mean something else.
    /// </summary>
    private static Edit Trim(FunctionView view, Edit edit)
    {
        var old = view.Code[edit.Start..edit.End];
        var replacement = edit.Replacement.Span;
        var head = 0;
        while (head < old.Length && head < replacement.Length && old[head] == replacement[head])
        {
            head++;
        }

        return head == 0 ? edit : new Edit(edit.Start + head, edit.End, edit.Replacement[head..]);
    }

    private int Merge(FunctionView view)
    {
        output.Clear();
        var at = 0;
        foreach (var edit in edits)
        {
            output.AddRange(view.Code[at..edit.Start]);
            output.AddRange(edit.Replacement.Span);
            at = edit.End;
        }

        output.AddRange(view.Code[at..]);
        return edits.Count;
    }

    private int ApplyWhole(FunctionView view, IWholeTransform transform)
    {
        var mark = context.Mark();
        if (transform.Rewrite(view, context) is not { } body || body.Instructions.Count > sizeLimit || body.Locals.Count > setting.Locals.Length + RewriteContext.MaxAddedLocals)
        {
            context.Return(mark);
            return 0;
        }

        output.Clear();
        output.AddRange(body.Instructions);
        if (AddedCost(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(output), 0) is var cost && cost > costLimit && cost > view.Cost)
        {
            context.Return(mark);
            return 0;
        }

        context.ReplaceLocals(view.Locals[..view.ParameterCount], body.Locals);
        return 1;
    }
}
