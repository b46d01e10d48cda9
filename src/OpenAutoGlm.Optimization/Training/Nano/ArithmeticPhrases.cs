namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>How people ask for calculations. {e}: an expression or equation; {a}, {b}: numbers; {x}: the unknown.</summary>
static class ArithmeticPhrases
{
    public static readonly Bilingual Expression = new(
        Phrases.Read("""
            {e}
            {e} =
            {e}=?
            {e} = ?
            What is {e}?
            What is {e}
            Compute {e}
            Calculate {e}
            Calculate {e}.
            How much is {e}?
            Please compute {e}
            Please calculate {e}.
            Find {e}
            Evaluate {e}
            Tell me what {e} is.
            ---
            {e} = what?
            Please evaluate {e}.
            Tell me how much {e} is.
            Please find {e}
            """),
        Phrases.Read("""
            {e}
            {e}=
            {e}=?
            {e} = ?
            {e}等于多少
            {e}等于多少？
            {e}是多少？
            {e}等于几？
            计算{e}
            计算 {e}
            请计算{e}
            请算一下{e}
            算一下{e}
            求{e}的值
            帮我算{e}
            ---
            请问{e}等于多少？
            请帮我算一下{e}
            计算{e}的值
            帮我计算 {e}
            """));

    public static readonly Bilingual Sum = new(
        Phrases.Read("""
            What is {a} plus {b}?
            {a} plus {b}
            Add {a} and {b}
            Add {b} to {a}
            What is the sum of {a} and {b}?
            Find the sum of {a} and {b}.
            How much is {a} plus {b}?
            Calculate {a} plus {b}
            Please add {a} and {b}.
            ---
            Calculate the sum of {a} and {b}
            Please compute {a} plus {b}.
            Tell me the sum of {a} and {b}
            """),
        Phrases.Read("""
            {a}加{b}
            {a}加{b}等于多少？
            {a}加上{b}是多少
            {a}加{b}等于几
            计算{a}加{b}
            求{a}与{b}的和
            {a}和{b}的和是多少？
            {a}与{b}相加得多少
            请算一下{a}加{b}
            ---
            请计算{a}与{b}的和
            帮我算{a}加上{b}
            {a}与{b}的和等于多少？
            """));

    public static readonly Bilingual Difference = new(
        Phrases.Read("""
            What is {a} minus {b}?
            {a} minus {b}
            Subtract {b} from {a}
            Take {b} from {a}
            What is the difference of {a} and {b}?
            Find the difference of {a} and {b}.
            How much is {a} minus {b}?
            Calculate {a} minus {b}
            Please subtract {b} from {a}.
            ---
            Calculate the difference of {a} and {b}
            Please compute {a} minus {b}.
            Tell me the difference of {a} and {b}
            """),
        Phrases.Read("""
            {a}减{b}
            {a}减{b}等于多少？
            {a}减去{b}是多少
            {a}减{b}等于几
            计算{a}减{b}
            求{a}与{b}的差
            {a}和{b}的差是多少？
            从{a}中减去{b}得多少
            请算一下{a}减{b}
            ---
            请计算{a}与{b}的差
            帮我算{a}减去{b}
            {a}与{b}的差等于多少？
            """));

    public static readonly Bilingual Product = new(
        Phrases.Read("""
            What is {a} times {b}?
            {a} times {b}
            Multiply {a} by {b}
            Multiply {a} and {b}
            What is the product of {a} and {b}?
            Find the product of {a} and {b}.
            How much is {a} times {b}?
            Calculate {a} times {b}
            Please multiply {a} by {b}.
            ---
            Calculate the product of {a} and {b}
            Please compute {a} times {b}.
            Tell me the product of {a} and {b}
            """),
        Phrases.Read("""
            {a}乘{b}
            {a}乘{b}等于多少？
            {a}乘以{b}是多少
            {a}乘{b}等于几
            计算{a}乘{b}
            求{a}与{b}的积
            {a}和{b}的积是多少？
            {a}与{b}相乘得多少
            请算一下{a}乘以{b}
            ---
            请计算{a}与{b}的积
            帮我算{a}乘以{b}
            {a}与{b}的积等于多少？
            """));

    public static readonly Bilingual Quotient = new(
        Phrases.Read("""
            What is {a} divided by {b}?
            {a} divided by {b}
            Divide {a} by {b}
            What is the quotient of {a} and {b}?
            Find the quotient of {a} and {b}.
            How much is {a} divided by {b}?
            Calculate {a} divided by {b}
            Please divide {a} by {b}.
            ---
            Calculate the quotient of {a} and {b}
            Please compute {a} divided by {b}.
            Tell me the quotient of {a} and {b}
            """),
        Phrases.Read("""
            {a}除以{b}
            {a}除以{b}等于多少？
            {a}除以{b}是多少
            {a}除以{b}等于几
            计算{a}除以{b}
            求{a}与{b}的商
            {a}和{b}的商是多少？
            把{a}除以{b}得多少
            请算一下{a}除以{b}
            ---
            请计算{a}与{b}的商
            帮我算{a}除以{b}
            {a}与{b}的商等于多少？
            """));

    public static readonly Bilingual Equation = new(
        Phrases.Read("""
            Solve {e}
            Solve {e}.
            Solve {e} for {x}
            Solve the equation {e}
            Find {x}: {e}
            Find {x} if {e}
            {e}, what is {x}?
            {e}, find {x}
            What is {x} if {e}?
            Please solve {e}
            ---
            Solve the equation {e} for {x}
            Please find {x} if {e}.
            If {e}, what is {x}?
            """),
        Phrases.Read("""
            解方程{e}
            解方程 {e}
            解方程：{e}
            求解{e}
            求{x}：{e}
            {e}，求{x}
            {e}，{x}等于多少？
            {e}，{x}是多少？
            请解方程{e}
            方程{e}的解是多少？
            ---
            请求解方程{e}
            已知{e}，求{x}
            方程{e}，{x}等于多少？
            """));
}
