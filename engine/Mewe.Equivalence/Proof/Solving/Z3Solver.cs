using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Mewe.Equivalence.Proof.Solving;

/// <summary>
/// Z3 in this process, through its SMT-LIB 2 reader. Each question gets a context of its own: in a shared one the numbering of terms, and with it the order of arguments, the search and
/// the steps it takes, depend on what was asked before, and then so does whether the limit is met. README.md in this folder has the protocol and what it costs.
/// </summary>
public sealed partial class Z3Solver : ISolver
{
    /// <summary>The oldest version that decides everything the tests ask (Debian 12 has it).</summary>
    private static readonly Version Oldest = new(4, 8, 12);

    private Z3Solver()
    {
    }

    /// <summary>Whether libz3 is there and new enough.</summary>
    public static bool IsAvailable => MissingReason is null;

    /// <summary>What is wrong with libz3 on this machine and what to do about it, or null.</summary>
    public static string? MissingReason { get; } = WhyMissing();

    /// <summary>The version, for a report: proofs name who made them.</summary>
    public static string Version => IsAvailable ? $"Z3 {Z3Native.Text(Z3Native.GetFullVersion())}" : "no Z3";

    /// <exception cref="DllNotFoundException">libz3 is missing or too old (<see cref="MissingReason"/>).</exception>
    public static Z3Solver Create() => IsAvailable ? new Z3Solver() : throw new DllNotFoundException(MissingReason);

    public static bool TryCreate([NotNullWhen(true)] out Z3Solver? solver)
    {
        solver = IsAvailable ? new Z3Solver() : null;
        return solver is not null;
    }

    /// <inheritdoc/>
    public SolverAnswer Check(string script, uint resourceLimit)
    {
        ArgumentOutOfRangeException.ThrowIfZero(resourceLimit);
        using var context = Z3Context.Create();
        var assertions = Z3Native.Parse(context, script, 0, 0, 0, 0, 0, 0);
        if (Error(context) is { } wrong)
        {
            return new SolverAnswer.Undecided(wrong);
        }

        Z3Native.RetainVector(context, assertions);
        var tactic = Z3Native.MakeTactic(context, TacticFor(script));
        Z3Native.RetainTactic(context, tactic);
        var solver = Z3Native.MakeSolver(context, tactic);
        Z3Native.RetainSolver(context, solver);
        try
        {
            Limit(context, solver, resourceLimit);
            var count = Z3Native.VectorSize(context, assertions);
            for (var i = 0u; i < count; i++)
            {
                Z3Native.Assert(context, solver, Z3Native.VectorItem(context, assertions, i));
                if (Error(context) is { } refused)
                {
                    return new SolverAnswer.Undecided(refused);
                }
            }

            var result = Z3Native.Check(context, solver);
            return Error(context) is { } failed ? new SolverAnswer.Undecided(failed) : result switch
            {
                1 => Values(context, solver, script),
                -1 => SolverAnswer.Unsatisfiable.Instance,
                _ => new SolverAnswer.Undecided(Z3Native.Text(Z3Native.ReasonUnknown(context, solver))),
            };
        }
        finally
        {
            Z3Native.ReleaseSolver(context, solver);
            Z3Native.ReleaseTactic(context, tactic);
            Z3Native.ReleaseVector(context, assertions);
        }
    }

    /// <summary>Bit-blasting is best for bit-vectors alone; arrays and functions need the tactic that first tries to get rid of them.</summary>
    private static string TacticFor(string script) => NeedsMoreThanBitVectors().IsMatch(script) ? "qfaufbv" : "qfbv";

    private static void Limit(Z3Context context, nint solver, uint resourceLimit)
    {
        var parameters = Z3Native.MakeParameters(context);
        Z3Native.RetainParameters(context, parameters);
        Z3Native.SetParameter(context, parameters, Z3Native.MakeSymbol(context, "rlimit"), resourceLimit);

        // Otherwise each check sets the process's handler of Ctrl-C and puts the one before it back. With checks on two threads a handler of a check that is over stays,
        // and a Ctrl-C much later kills the process instead of cancelling what it does.
        Z3Native.SetParameter(context, parameters, Z3Native.MakeSymbol(context, "ctrl_c"), false);
        Z3Native.SetSolverParameters(context, solver, parameters);
        Z3Native.ReleaseParameters(context, parameters);
    }

    private static SolverAnswer Values(Z3Context context, nint solver, string script)
    {
        var model = Z3Native.Model(context, solver);
        if (Error(context) is { } missing)
        {
            return new SolverAnswer.Undecided(missing);
        }

        Z3Native.RetainModel(context, model);
        var values = ImmutableDictionary.CreateBuilder<string, UInt128>();
        foreach (Match declaration in BitVectorConstant().Matches(script))
        {
            var width = uint.Parse(declaration.Groups["width"].ValueSpan);
            if (width <= 128)
            {
                var name = declaration.Groups["name"].Value;
                var constant = Z3Native.MakeConstant(context, Z3Native.MakeSymbol(context, name.Trim('|')), Z3Native.MakeBitVectorSort(context, width));
                values[name] = Z3Native.Evaluate(context, model, constant, true, out var numeral)
                    && UInt128.TryParse(Z3Native.Text(Z3Native.NumeralText(context, numeral)), out var value) ? value : 0;
            }
        }

        Z3Native.ReleaseModel(context, model);
        return Error(context) is { } failed ? new SolverAnswer.Undecided(failed) : new SolverAnswer.Satisfiable(values.ToImmutable());
    }

    private static string? Error(Z3Context context)
    {
        var code = Z3Native.GetErrorCode(context);
        return code == 0 ? null : Z3Native.Text(Z3Native.GetErrorMessage(context, code)).Trim();
    }

    private static string? WhyMissing()
    {
        const string Advice = "install it (Debian and Ubuntu: apt-get install libz3-4), or name the library with MEWE_Z3";
        if (Z3Native.Handle == 0)
        {
            return $"the solver library libz3 is missing; {Advice}";
        }

        Z3Native.GetVersion(out var major, out var minor, out var build, out _);
        var version = new Version((int)major, (int)minor, (int)build);
        if (version < Oldest)
        {
            return $"the solver library libz3 is {version}, and {Oldest} is needed; {Advice}";
        }

        Z3Native.ToggleWarningMessages(false);
        return null;
    }

    [GeneratedRegex(@"\bArray\b|\(\s*declare-fun\s+\S+\s+\(\s*[^\s)]")]
    private static partial Regex NeedsMoreThanBitVectors();

    [GeneratedRegex(@"\(\s*declare-(?:const\s+(?<name>\S+)|fun\s+(?<name>\S+)\s+\(\s*\))\s+\(\s*_\s+BitVec\s+(?<width>\d+)\s*\)\s*\)")]
    private static partial Regex BitVectorConstant();
}
